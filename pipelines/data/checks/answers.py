"""Checks of what the model is to learn."""

import json
import re
from collections import Counter, defaultdict

from pipelines.data.answer_kind import answer_kind
from pipelines.data.checks.found import found
from pipelines.data.rows import Finding, Row, Rows
from pipelines.data.split import prompt_hash
from pipelines.data.table import listed
from pipelines.data.worked import is_bare

RARE_LABEL = 10
"""A label with fewer rows is rare: after the split its test part has about two."""

_FEWEST = 20
_NEARLY_ALL = 0.9
_LONG_ENDING = 12
_MARKS = re.compile(r"[^\w\s`\"')\]}>]{2,}$")
_MISSING = {"nan", "none", "null", "n/a", "na", "undefined", "#n/a"}


def no_answer(rows: Rows) -> list[Finding]:
    """Rows from which nothing can be learned but by a grader that needs no reference."""
    bare = [row for row in rows.rows if row.expected is None and not row.chosen]
    if len(bare) == len(rows.rows):
        return found("no_answer", "warning", bare, "no row has an answer", _where_answers_may_be(rows))
    if "chosen" in rows.roles:
        return []  # checks/pairs.py says why a row gives no pair
    return found("no_answer", "warning", bare, "{n} rows have no answer", "fill in the answer, or remove them")


def _where_answers_may_be(rows: Rows) -> str:
    """The columns that play no role yet, each with how many different values it has."""
    values: dict[str, set[str]] = defaultdict(set)
    for row in rows.rows:
        for column, value in row.columns.items():
            if column not in rows.roles.values():
                values[column].add(str(value))
    free = [f"{column} ({len(kinds):,} different values)" for column, kinds in values.items()]
    unused = f"; not used yet: {listed(free, 8)}" if free else ""
    return f"name its column: --column completion=NAME{unused}"


def some_demonstrations(rows: Rows) -> list[Finding]:
    """Rows without a demonstration in a file that has demonstrations."""
    without = [row for row in rows.rows if row.completion is None]
    if "completion" not in rows.roles or len(without) == len(rows.rows):
        return []
    share = 100 * len(without) / len(rows.rows)
    return found("some_demonstrations", "note", without, f"{{n}} rows ({share:.0f} %) have no demonstration")


def steps_in_some(rows: Rows) -> list[Finding]:
    """Answers without the steps that others show: a model that imitates both leaves the steps out."""
    shown = [row for row in rows.rows if row.completion and row.desirable is None]
    if not shown or not answer_kind(rows.rows).bare:
        return []
    bare = [row for row in shown if is_bare(row)]
    fix = "where steps help: demonstrations: worked under data (init sets it), so that only the others are imitated"
    message = f"{{n}} of {len(shown):,} demonstrations show no steps, the others do"
    return found("steps_in_some", "warning", bare, message, fix)


def contradictions(rows: Rows) -> list[Finding]:
    """The same prompt with another answer; ratings and pairs may well do that."""
    by_prompt: dict[str, list[Row]] = defaultdict(list)
    for row in rows.rows:
        if row.expected is not None and row.desirable is None and row.prompt.strip():
            by_prompt[prompt_hash(row)].append(row)
    groups = [group for group in by_prompt.values() if len({_key(row.expected) for row in group}) > 1]
    disputed = sorted((row for group in groups for row in group), key=lambda row: row.number)
    message = f"{{n}} rows ask the same as another row and answer otherwise ({len(groups)} prompts)"
    return found("contradictions", "warning", disputed, message, "keep the right answer of each")


def rare_labels(rows: Rows) -> list[Finding]:
    """Labels with too few rows to learn and to test."""
    counts = _label_counts(rows)
    rare = {label for label, count in counts.items() if count < RARE_LABEL}
    if not rare:
        return []
    least = min(rare, key=lambda label: counts[label])
    message = (
        f'{len(rare)} of {len(counts)} labels have fewer than {RARE_LABEL} rows, such as "{least}" with {counts[least]}'
    )
    members = [row for row in rows.rows if row.completion is not None and row.completion.strip() in rare]
    return found("rare_labels", "warning", members, message, "add rows of these, or set data.balance: label")


def same_completion(rows: Rows) -> list[Finding]:
    """One answer to everything teaches the model to ignore the prompt."""
    worked = [row for row in rows.rows if row.completion]
    if len(worked) < 2 or len({row.completion for row in worked}) > 1:
        return []
    return found("same_completion", "error", worked, "all {n} demonstrations are the same text", "check the column")


def same_ending(rows: Rows) -> list[Finding]:
    """Answers that nearly all end in the same marks ("!!!") or words: an artefact that the model would learn first."""
    worked = [row for row in rows.rows if row.completion]
    if len(worked) < _FEWEST or len({row.completion for row in worked}) <= len(worked) / 5:
        return []
    for ending_of in (_marks, _last_words):
        ending, count = Counter(ending_of(str(row.completion)) for row in worked).most_common(1)[0]
        if ending and count >= _NEARLY_ALL * len(worked):
            members = [row for row in worked if ending_of(str(row.completion)) == ending]
            message = f"{{n}} of {len(worked)} demonstrations end in {ending!r}, which the model will learn to write"
            return found("same_ending", "warning", members, message, "remove it, unless it is wanted")
    return []


def missing_words(rows: Rows) -> list[Finding]:
    """Answers such as "nan", which a program wrote for "nothing"."""
    counts = _label_counts(rows)
    members = [
        row for row in rows.rows if str(row.expected).strip().casefold() in _MISSING and row.expected is not None
    ]
    if len({str(row.expected) for row in members} & counts.keys()) == 1 and len(members) > len(rows.rows) / 20:
        return []  # one of the labels, such as "none"
    message = '{n} rows have an answer such as "nan" or "null"'
    return found("missing_words", "warning", members, message, "leave the value empty where there is none")


def mixed_numbers(rows: Rows) -> list[Finding]:
    """Whole numbers written both as 65 and as 65.0: which of them comes cannot be learned."""
    texts = [(row, row.completion.strip()) for row in rows.rows if row.completion]
    pointed = [row for row, text in texts if re.fullmatch(r"-?\d+\.0+", text)]
    plain = sum(bool(re.fullmatch(r"-?\d+", text)) for _, text in texts)
    if not plain:
        return []
    message = (
        f"{{n}} answers are written like {str(pointed[0].completion).strip()}, {plain} without a point"
        if pointed
        else ""
    )
    return found("mixed_numbers", "warning", pointed, message, "write whole numbers in one way")


def _marks(text: str) -> str:
    match = _MARKS.search(text.rstrip())
    return match[0] if match else ""


def _last_words(text: str) -> str:
    text = text.rstrip()
    ending = text[-_LONG_ENDING:]
    return ending if len(text) > 2 * _LONG_ENDING and re.search(r"[^\W\d]{3}", ending) else ""


def _label_counts(rows: Rows) -> Counter[str]:
    """label → rows, or nothing when the completions are no labels: short, and mostly seen again."""
    texts = [row.completion.strip() for row in rows.rows if row.completion]
    counts = Counter(texts)
    is_label = 1 < len(counts) <= len(texts) / 5 and max(map(len, counts)) <= 80
    numbers = sum(bool(re.fullmatch(r"[-+]?\d[\d.,/]*", text)) for text in counts)
    return counts if is_label and numbers < len(counts) / 2 else Counter()


def _key(answer: object) -> str:
    """Answers are the same when they differ in case and spaces alone, or are the same number."""
    text = answer if isinstance(answer, str) else json.dumps(answer, sort_keys=True, default=str)
    try:
        return str(float(text))
    except ValueError:
        return " ".join(text.casefold().split())
