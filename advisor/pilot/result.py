"""What a pilot found: pilot.json. All differences are paired by row; rates are shares in [0, 1]."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from graders.statistics import wilson_interval
from pipelines.evals.compare import Comparison, Difference, compare
from pipelines.evals.grades import GradedRow

Graded = Sequence[GradedRow]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ArmResult(_Record):
    """An arm as far as it went.

    name, method: as its stages. rungs: how many times it trained. seconds: of its training, its warm-up included.
    score: pass rate, or the mean score where the metric judges nothing right or wrong. to_base: its gain over the
    plan's model. to_chosen: how far it lies behind the chosen arm; None for that one.
    """

    name: str
    method: str
    rungs: int
    seconds: float
    score: float
    interval: tuple[float, float]
    to_base: Comparison
    to_chosen: Comparison | None = None


class CurvePoint(_Record):
    """SFT on so many labelled rows."""

    labels: int
    score: float
    interval: tuple[float, float]


class Curve(_Record):
    """What more labels brought. last: the gain of the last doubling, paired by row."""

    points: tuple[CurvePoint, ...]
    last: Difference | None


class PilotResult(_Record):
    """compared_rows: validation rows that every model answered. arms: the best first. chosen: the name of the best; ""
    where none is shown to beat the plan's model. tied: arms that are not told apart from it. evidence: in sentences.
    """

    plan: str
    compared_rows: int
    minutes_each: float
    base: float
    arms: tuple[ArmResult, ...]
    chosen: str
    tied: tuple[str, ...]
    curve: Curve | None
    evidence: tuple[str, ...]


def score(rows: Graded) -> float:
    """The pass rate, else the mean score."""
    passed = [float(row.passed) for row in rows if row.passed is not None]
    values = passed or [row.score for row in rows if row.score is not None]
    return sum(values) / len(values) if values else 0.0


def interval(rows: Graded) -> tuple[float, float]:
    """Of the pass rate; of a mean score it is not known here, and the score stands for both ends."""
    passed = [row.passed for row in rows if row.passed is not None]
    if not passed:
        return score(rows), score(rows)
    low, high = wilson_interval(sum(passed), len(passed))
    return low, high


def difference(before: Graded, after: Graded) -> Difference | None:
    """In points of the pass rate, else of the score."""
    found = compare(before, after)
    return found.difference if found.difference is not None else found.score_difference
