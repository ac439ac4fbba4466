"""What a grader needs that rows do not have, and what it breaks of the contract (graders/contract.py), on these rows.

Pure but for the grader. The rows are read as training reads them; each row's own answer stands for the completion.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from graders.base import Grader, Sample
from graders.contract import Failure, check_contract
from graders.template import MissingVariable, fill, variables
from pipelines.data.answer_kind import own_answer
from pipelines.data.rows import Row
from pipelines.evals.cases import evenly
from pipelines.rewards import answer_of, sample_of

_CONTRACT_ROWS = 50
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Lack:
    """count of `of` rows lack `what`; rows: the numbers of the first 20."""

    what: str
    count: int
    of: int
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Validation:
    """The grader as it stands, and what was found on num_rows rows; 0 where none were given."""

    grader: Grader
    num_rows: int = 0
    lacks: tuple[Lack, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def holds(self) -> bool:
        """Every row can be graded, and nothing of the contract breaks."""
        return not self.lacks and not self.failures


def lacks(grader: Grader, rows: Sequence[Row]) -> list[Lack]:
    """Template variables, references and whatever else leaves a row's own answer unscored; each row counts once."""
    found: dict[str, list[int]] = {}
    samples = [sample_of(row, answer_of(own_answer(row) or "")) for row in rows]
    for row, sample, grade in zip(rows, samples, grader.grade_all(samples), strict=True):
        missing = _missing(grader, sample)
        if grader.needs_reference and row.expected is None and not missing and grade.score is None:
            missing = ["a reference"]
        if not missing and grade.score is None:
            missing = [f"a grade: {grade.reason}"]
        for what in missing:
            found.setdefault(what, []).append(row.number)
    counted = [Lack(what, len(numbers), len(rows), tuple(numbers[:_SHOWN])) for what, numbers in found.items()]
    return sorted(counted, key=lambda lack: -lack.count)


def contract_failures(grader: Grader, rows: Sequence[Row]) -> list[Failure]:
    """What breaks on at most 50 rows that have an answer of their own."""
    own = [(row, text) for row in rows if (text := own_answer(row))]
    samples = [sample_of(row, answer_of(text)) for row, text in evenly(own, _CONTRACT_ROWS)]
    numbers = [row.number for row, _ in evenly(own, _CONTRACT_ROWS)]
    failures = check_contract(grader, samples) if samples else []
    return [replace(failure, rows=tuple(numbers[place] for place in failure.rows)) for failure in failures]


def _missing(grader: Grader, sample: Sample) -> list[str]:
    return [f"{{{{{path}}}}}" for path in item_variables(grader) if not _there(path, sample)]


def item_variables(grader: Grader) -> list[str]:
    """The variables of the row that any template of the grader names."""
    paths = (path for text in _texts(grader.model_dump(mode="json")) for path in variables(text))
    return [path for path in dict.fromkeys(paths) if path.partition(".")[0] == "item"]


def _texts(value: object) -> Iterator[str]:
    """Every text of a grader's fields but code, whose braces are its own."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key != "source":
                yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _there(path: str, sample: Sample) -> bool:
    try:
        fill(f"{{{{{path}}}}}", sample)
    except MissingVariable:
        return False
    return True
