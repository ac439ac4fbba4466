"""Counts over all rows → findings. Each function looks at one thing; a threshold stands here with its reason. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from advisor.profiling.counts import Counts, Found
from advisor.profiling.findings_made import Head, make_finding
from advisor.profiling.record import ProfileFinding, Severity
from advisor.profiling.scan import Sameness
from pipelines.data.checks.answers import RARE_LABEL
from pipelines.data.checks.texts import LONG_ROW
from pipelines.data.split import FEWEST_FOR_VALIDATION
from pipelines.evals.compare import FEWEST_PROMPTS

SKEWED, MUCH_SKEWED = 2.0, 5.0
"""Ours: from 5 on `balance: label` repeats the rarest label at least twice as often as the commonest."""
_GUESSED = 0.5
_NEARLY_ALL = 0.9
_COMPARED = {"number", "one_of_few", "json", "short_text", "latex"}
"""Kinds of which two different answers to one prompt cannot both be right."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What is known of all rows. numbers: place → row number. answer: the commonest. other: the layout of rows that
    have no prompt, "" where they have none. answered: some column holds answers. judged: pairs or ratings."""

    counts: Counts
    numbers: Mapping[int, int]
    kind: str
    same: Sameness
    answer: str
    layout: str
    other: str
    answered: bool
    judged: bool

    @property
    def num_readable(self) -> int:
        """Rows that are rows."""
        gone = self.counts.flags.get("unreadable")
        return self.counts.num_rows - (gone.count if gone else 0)

    def flagged(self, name: str) -> Found:
        """The rows of which a flag of `scan` holds."""
        return self.counts.flags.get(name, Found(0))

    def finding(
        self, check: str, severity: Severity, found: Found, what: str, fix: str = "", of: int | None = None
    ) -> Iterator[ProfileFinding]:
        """One finding, or none where it holds of no row. `{n}` and `{share}` in `what` are filled in."""
        if found.count:
            total = self.num_readable if of is None else of
            yield make_finding(Head(check, severity, "all rows"), found, total, what, fix, self.numbers)


def whole_findings(whole: Whole) -> list[ProfileFinding]:
    """All that the counts show."""
    return [finding for check in CHECKS for finding in check(whole)]


def _unreadable(whole: Whole) -> Iterator[ProfileFinding]:
    what = "{n} of {of} lines ({share}) are no JSON object, or hold half a character (\\ud83d); they are left out"
    found = whole.flagged("unreadable")
    yield from whole.finding("unreadable", "blocking", found, what, "mend or remove them", whole.counts.num_rows)


def _no_prompt(whole: Whole) -> Iterator[ProfileFinding]:
    found = whole.flagged("no_prompt")
    if whole.other:
        what = f"{{n}} of {{of}} rows ({{share}}) have another layout than {whole.layout}: {whole.other}"
        fix = "write all rows in one layout, or each in a file of its own"
        yield from whole.finding("mixed_layouts", "blocking", found, what, fix)
    else:
        fix = "fill it in, or remove these rows"
        yield from whole.finding("no_prompt", "blocking", found, "{n} of {of} rows ({share}) have no prompt", fix)


def _no_answer(whole: Whole) -> Iterator[ProfileFinding]:
    if whole.judged:
        return
    if not whole.answered:
        every = Found(whole.num_readable)
        what = "no column holds answers: nothing can be imitated or compared with"
        fix = "name it with --column completion=NAME or reference=NAME; prompts alone serve `label` and a judge"
        yield from whole.finding("no_answers", "warning", every, what, fix)
        return
    what = "{n} of {of} rows ({share}) have no answer"
    fix = "fill it in, or remove these rows"
    yield from whole.finding("no_answer", "warning", whole.flagged("no_answer"), what, fix)


def _too_few(whole: Whole) -> Iterator[ProfileFinding]:
    prompts = Found(whole.counts.num_prompts)
    if 1 < whole.counts.num_prompts < FEWEST_PROMPTS:
        what = f"{{n}} different prompts: under {FEWEST_PROMPTS} nothing can be proved, whatever is trained"
        yield from whole.finding("too_few", "blocking", prompts, what, "collect more; 200 leave rows to choose by")
    elif FEWEST_PROMPTS <= whole.counts.num_prompts < FEWEST_FOR_VALIDATION:
        what = f"{{n}} different prompts: under {FEWEST_FOR_VALIDATION} no rows are left to choose a checkpoint by"
        yield from whole.finding("few", "info", prompts, what, "collect more")


def _same_prompt(whole: Whole) -> Iterator[ProfileFinding]:
    if whole.counts.num_prompts == 1 and whole.num_readable > 1:
        every = Found(whole.num_readable)
        what = "all {n} rows ask the same: there is nothing to tell apart, and no row that could prove anything"
        yield from whole.finding(
            "one_prompt", "blocking", every, what, "name the column that differs: --column prompt=NAME"
        )


def _repeated(whole: Whole) -> Iterator[ProfileFinding]:
    counts = whole.counts
    what = "{n} of {of} rows ({share}) repeat an earlier row"
    yield from whole.finding("duplicate_rows", "warning", counts.duplicates, what, "remove them")
    others = counts.again.count - counts.duplicates.count
    if others > 0 and counts.num_prompts > 1:
        again = Found(others, () if counts.duplicates.count else counts.again.places)
        what = "{n} of {of} rows ({share}) ask what an earlier row asks, in the same words"
        yield from whole.finding("duplicate_prompts", "info", again, what, "")


def _contradictions(whole: Whole) -> Iterator[ProfileFinding]:
    counts = whole.counts
    if whole.judged or counts.num_prompts <= 1:
        return
    prompts = f"{counts.disputed_prompts:,} prompts"
    if whole.kind in _COMPARED:
        what = f"{{n}} of {{of}} rows ({{share}}) ask the same as another row and answer otherwise ({prompts})"
        yield from whole.finding("contradictions", "warning", counts.disputed, what, "keep the right answer of each")
    else:
        what = f"{{n}} of {{of}} rows ({{share}}) ask the same as another row and word the answer otherwise ({prompts})"
        yield from whole.finding("several_answers", "info", counts.disputed, what)


def _labels(whole: Whole) -> Iterator[ProfileFinding]:
    labels = whole.counts.labels
    if whole.kind != "one_of_few" or len(labels) < 2:
        return
    (most, many), (least, few) = labels[0], labels[-1]
    if many >= SKEWED * few:
        severity: Severity = "warning" if many >= MUCH_SKEWED * few else "info"
        what = (
            f'{whole.counts.num_labels:,} labels, from "{most}" in {{n}} rows ({{share}}) down to "{least}" in '
            f"{few:,}: a skew of {many / few:.1f}"
        )
        fix = "add rows of the rare ones, or set data.balance: label; look at the rare labels' own pass rates"
        yield from whole.finding("skewed_labels", severity, Found(many), what, fix, whole.counts.num_answered)
    rare = [(label, number) for label, number in labels if number < RARE_LABEL]
    if rare:
        what = (
            f"{len(rare)} of {whole.counts.num_labels:,} labels have fewer than {RARE_LABEL} rows ({{n}} rows in all)"
        )
        found = Found(sum(number for _, number in rare))
        yield from whole.finding("rare_labels", "warning", found, what, "add rows of these")


def _guessable(whole: Whole) -> Iterator[ProfileFinding]:
    counts = whole.counts
    if whole.judged or counts.num_answered < 2:
        return
    found = Found(counts.commonest)
    if counts.num_answers == 1:
        what = "all {n} answers are the same text: a model would learn to ignore the prompt"
        yield from whole.finding("one_answer", "blocking", found, what, "check the column", counts.num_answered)
    elif counts.commonest >= _GUESSED * counts.num_answered:
        what = f"always answering {_quoted(whole.answer)} is right in {{share}} of the rows ({{n}} of {{of}})"
        fix = "count a gain from there on, and balance the rows: a reward pays this for no work"
        yield from whole.finding("guessable", "warning", found, what, fix, counts.num_answered)


def _encoding(whole: Whole) -> Iterator[ProfileFinding]:
    again = "export the data again as UTF-8"
    told = {
        "replacement": ("the replacement character U+FFFD, where a sign was lost", again),
        "mojibake": ("text that was read in a wrong encoding, such as Ã© for é", again),
        "control": (
            "control characters; in JSON \\f and \\b often are a LaTeX command whose \\ was not doubled",
            "mend it",
        ),
    }
    for name, (words, fix) in told.items():
        yield from whole.finding(
            name, "warning", whole.flagged(name), f"{{n}} of {{of}} rows ({{share}}) hold {words}", fix
        )


def _sameness(whole: Whole) -> Iterator[ProfileFinding]:
    for check, part, verb in (("ends", whole.same.ending, "end in"), ("begins", whole.same.beginning, "begin with")):
        found = whole.flagged(check)
        answered = whole.num_readable
        severity: Severity = "warning" if found.count >= _NEARLY_ALL * answered else "info"
        what = f"{{n}} of {{of}} answers ({{share}}) {verb} {_quoted(part)}, which a model learns to write"
        yield from whole.finding(
            f"same_{check[:-1]}", severity, found, what, "remove it, unless it is wanted", answered
        )


def _long(whole: Whole) -> Iterator[ProfileFinding]:
    what = f"{{n}} of {{of}} rows ({{share}}) are longer than {LONG_ROW:,} characters"
    fix = "shorten them; those over the length limit are dropped"
    yield from whole.finding("long_rows", "warning", whole.flagged("long"), what, fix)


def _quoted(text: str) -> str:
    return f'"{text}"' if len(text) <= 60 else f'"{text[:57]}..."'


CHECKS: tuple[Callable[[Whole], Iterator[ProfileFinding]], ...] = (
    _unreadable,
    _no_prompt,
    _same_prompt,
    _too_few,
    _no_answer,
    _guessable,
    _repeated,
    _contradictions,
    _labels,
    _encoding,
    _sameness,
    _long,
)
