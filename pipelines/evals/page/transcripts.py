"""Which answers a person should read, and why: won, lost, still wrong, worth a look; and slices of the rows."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.evals.compare import compare
from pipelines.evals.grades import GradedRow

MOST_OF_A_KIND = 15
MOST_CHARACTERS = 3000
FEWEST_ALIKE = 3
MOST_LABELS = 12
FEWEST_IN_SLICE = 20


@dataclass(frozen=True, slots=True)
class Transcript:
    """One row, answered by base and final. kinds: won, lost, wrong, right, odd; what the page filters by."""

    number: int
    kinds: tuple[str, ...]
    prompt: str
    reference: str
    before: GradedRow
    after: GradedRow
    why_odd: str


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows that have something in common, and the change on them. points: with the interval's ends; None under 30."""

    name: str
    n: int
    before: float
    after: float
    points: tuple[float, float, float] | None


def transcripts(base: Sequence[GradedRow], final: Sequence[GradedRow]) -> list[Transcript]:
    """At most some of each kind, odd ones first."""
    pairs = _pairs(base, final)
    odd = _odd(pairs)
    made = [_transcript(before, after, odd.get(after.index, "")) for before, after in pairs]
    kept: dict[int, Transcript] = {}
    for kind in ("odd", "lost", "won", "wrong", "right"):
        of_kind = [one for one in made if kind in one.kinds]
        kept |= {one.number: one for one in of_kind[:MOST_OF_A_KIND]}
    return list(kept.values())


def _pairs(base: Sequence[GradedRow], final: Sequence[GradedRow]) -> list[tuple[GradedRow, GradedRow]]:
    known = {row.index: row for row in base}
    return [(known[row.index], row) for row in final if row.index in known]


def _transcript(before: GradedRow, after: GradedRow, why_odd: str) -> Transcript:
    kind = {(False, True): "won", (True, False): "lost", (True, True): "right"}.get(
        (bool(before.passed), bool(after.passed)), "wrong"
    )
    kinds = (kind, "odd") if why_odd else (kind,)
    reference = "" if after.reference is None else str(after.reference)
    return Transcript(after.index, kinds, cut(after.prompt), cut(reference), before, after, why_odd)


def cut(text: str) -> str:
    """The beginning and the end of a long text."""
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]}\n[... {len(text) - MOST_CHARACTERS} characters left out ...]\n{text[-half:]}"


def _odd(pairs: Sequence[tuple[GradedRow, GradedRow]]) -> dict[int, str]:
    """Right answers that look like a hack: one text for many different references, or far shorter than the base's."""
    references: dict[str, set[str]] = defaultdict(set)
    for _, after in pairs:
        if after.passed and after.completion.strip():
            references[after.completion.strip()].add(str(after.reference))
    found = {}
    for before, after in pairs:
        if not after.passed:
            continue
        if len(references[after.completion.strip()]) >= FEWEST_ALIKE:
            found[after.index] = "the same text passes for rows with different references"
        elif before.passed and after.num_tokens * 4 <= before.num_tokens:
            found[after.index] = f"it passes with {after.num_tokens} tokens, where the base took {before.num_tokens}"
    return found


def slices(base: Sequence[GradedRow], final: Sequence[GradedRow]) -> list[Slice]:
    """By length of the prompt, and by reference where there are few; only slices of twenty rows and more."""
    pairs = [(a, b) for a, b in _pairs(base, final) if a.passed is not None and b.passed is not None]
    lengths = sorted(len(before.prompt) for before, _ in pairs)
    if len(lengths) < 3 * FEWEST_IN_SLICE:
        return []
    short, long = lengths[len(lengths) // 3], lengths[2 * len(lengths) // 3]
    named = [
        (f"prompts up to {short} characters", [p for p in pairs if len(p[0].prompt) <= short]),
        (f"prompts of {short + 1} to {long}", [p for p in pairs if short < len(p[0].prompt) <= long]),
        (f"prompts over {long}", [p for p in pairs if len(p[0].prompt) > long]),
    ]
    counted = Counter(str(before.reference) for before, _ in pairs)
    if 1 < len(counted) <= MOST_LABELS:
        named += [(f"reference {label}", [p for p in pairs if str(p[0].reference) == label]) for label in counted]
    return [_slice(name, some) for name, some in named if len(some) >= FEWEST_IN_SLICE]


def _slice(name: str, pairs: Sequence[tuple[GradedRow, GradedRow]]) -> Slice:
    before, after = [a for a, _ in pairs], [b for _, b in pairs]
    found = compare(before, after)
    change = found.difference if found.claim != "too few rows" else None
    points = (change.points, change.low, change.high) if change else None
    return Slice(name, len(pairs), _rate(before), _rate(after), points)


def _rate(rows: Sequence[GradedRow]) -> float:
    return sum(bool(row.passed) for row in rows) / len(rows)
