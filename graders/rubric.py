"""rubric: weighted points, each decided by another grader or, where it is a text, by a judge.

In: `points`, and, where `column` names one, further text points of the row itself; a Sample. Out: the
weight of what is met over the weight of all points with a positive weight, cut to [0, 1] (as HealthBench scores, arXiv:
2505.08775): a point with a negative weight takes away what it weighs. `parts` has each point, `raw` the sum.
All text points of a completion go to the judge in one call; it says of each, with a reason, whether it is met. A point
that could not be decided leaves the whole unscored. An empty completion meets no text point, and no call is made.
The graders' own type comes from graders/union.py, which completes this class.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graders.base import Grade, Grader, Sample, unscored
from graders.llm.grading import Unreadable, Verdicts, grade_by_model
from graders.llm.server import Server
from graders.rubric_prompt import met_points, points_question
from graders.texts import short

if TYPE_CHECKING:
    from graders.union import OneGrader


class Point(BaseModel):
    """One point of a rubric: a text that the judge decides, or a grader."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(None, min_length=1, description="In `parts`; the text itself unless given.")
    weight: float = Field(1.0, allow_inf_nan=False, description="Negative: what a completion must not do.")
    text: str | None = Field(None, min_length=1, description="What the completion does if the point is met.")
    grader: "OneGrader | None" = Field(None, description="A grader whose score is the share of the point that is met.")

    @model_validator(mode="after")
    def _decided_by_one(self) -> Self:
        if (self.text is None) == (self.grader is None):
            raise ValueError("give a point text or grader, one of them")
        if self.grader is not None and self.name is None:
            raise ValueError("a point with a grader needs a name")
        if self.weight == 0:
            raise ValueError("a point of weight 0 counts for nothing")
        return self

    @property
    def label(self) -> str:
        """Its name among the parts."""
        return self.name or str(self.text)


class Rubric(Grader):
    """The weighted share of points that a completion meets."""

    type: Literal["rubric"] = "rubric"
    points: tuple[Point, ...] = Field((), description="The points, the same for all rows.")
    column: str | None = Field(
        None, description="A column with further points of the row: a list of {text, weight} or {criterion, points}."
    )
    model: str | None = Field(None, min_length=1, description="The judge of text points, by the name its server knows.")
    server: Server = Field(Server(), description="Where the judge runs.")
    max_tokens: int = Field(4096, ge=16, description="Length of the judge's answer on all points.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.points and self.column is None:
            raise ValueError("a rubric needs points, or a column that holds them")
        if self.model is None and (self.column is not None or any(point.text for point in self.points)):
            raise ValueError("points that are texts need a model to decide them")
        _check(self.points, positive=self.column is None)
        return self

    @property
    def needs_reference(self) -> bool:
        """Whether a point depends on the row; a text of the rubric's own may, so only graders are asked."""
        graders = [point.grader for point in self.points if point.grader is not None]
        return self.column is not None or len(graders) < len(self.points) or any(g.needs_reference for g in graders)

    def fitted(self, references: Sequence[object]) -> Self:
        """Each point's grader fitted."""
        points = [
            point if point.grader is None else point.model_copy(update={"grader": point.grader.fitted(references)})
            for point in self.points
        ]
        return self.model_copy(update={"points": tuple(points)})

    def files(self) -> tuple[str, ...]:
        """The files of the points' graders, and the folder of a local model."""
        local = self.server.files(self.model) if self.model else ()
        return (*local, *(file for point in self.points if point.grader for file in point.grader.files()))

    def guards(self) -> tuple[str, ...]:
        """Those of the points' graders."""
        return tuple(dict.fromkeys(g for point in self.points if point.grader for g in point.grader.guards()))

    def grade(self, sample: Sample) -> Grade:
        return self.grade_all([sample])[0]

    def grade_all(self, samples: Sequence[Sample]) -> list[Grade]:
        """Each grader gets all samples at once, and so does the judge. Raises UserError where nothing can be asked."""
        graded = {point.label: point.grader.grade_all(samples) for point in self.points if point.grader is not None}
        judged = self._judged(samples)
        rows = []
        for place, sample in enumerate(samples):
            decided = {name: grades[place] for name, grades in graded.items()}
            rows.append(self._summed(sample, decided, judged[place]))
        return rows

    def _judged(self, samples: Sequence[Sample]) -> list[Grade]:
        """A Grade with each text point among its parts, for every sample."""
        if self.model is None:
            return [Grade(0.0, "no text points") for _ in samples]

        def ask(sample: Sample) -> Any:
            texts = [point for point in self._all_points(sample) if point.text is not None]
            if not texts:
                return Grade(0.0, "no text points")
            if not sample.completion.strip():
                return Grade(0.0, "the completion is empty", parts={point.label: 0.0 for point in texts})
            return [points_question([str(point.text) for point in texts], sample, self.max_tokens)]

        def read(sample: Sample, verdicts: Verdicts) -> Grade:
            texts = [point for point in self._all_points(sample) if point.text is not None]
            met = met_points(verdicts[0], len(texts))
            if met is None:
                raise Unreadable(f"it does not decide each of {len(texts)} points once")
            parts = {point.label: float(decision) for point, (decision, _) in zip(texts, met, strict=True)}
            said = [f"{short(point.label, 40)}: {short(why, 120)}" for point, (_, why) in zip(texts, met, strict=True)]
            return Grade(0.0, "; ".join(said), parts=parts)

        return grade_by_model(self.model, self.server, samples, ask, read)

    def _all_points(self, sample: Sample) -> tuple[Point, ...]:
        """The rubric's points and the row's. Raises ValueError where the row's cannot be used."""
        if self.column is None:
            return self.points
        listed = sample.row.get(self.column)
        if not isinstance(listed, list | tuple):
            raise ValueError(f"column {self.column} holds no list of {{text, weight}}")
        points = (*self.points, *(_row_point(item) for item in listed))
        _check(points, positive=True)
        return points

    def _summed(self, sample: Sample, decided: Mapping[str, Grade], judged: Grade) -> Grade:
        try:
            points = self._all_points(sample)
        except ValueError as error:
            return unscored(f"the row's points cannot be used: {short(str(error), 200)}", "invalid_variable_error")
        grades = {**dict.fromkeys(judged.parts, judged), **decided}
        parts = {point.label: _share(point, decided, judged) for point in points}
        errors = tuple(dict.fromkeys(error for grade in (*decided.values(), judged) for error in grade.errors))
        if lacking := [name for name, share in parts.items() if share is None]:
            why = grades.get(lacking[0], judged).reason
            named = ", ".join(short(name, 40) for name in lacking[:5])
            return Grade(None, f"not decided: {named}: {why}", parts=parts, errors=errors or ("other_error",))
        raw = math.fsum(point.weight * (parts[point.label] or 0.0) for point in points)
        of = math.fsum(point.weight for point in points if point.weight > 0)
        lost = [point for point in points if (parts[point.label] or 0.0) < 1 and point.weight > 0]
        bad = [point for point in points if (parts[point.label] or 0.0) > 0 and point.weight < 0]
        said = [f"{raw:g} of {of:g} points"]
        said += [f"not met: {', '.join(short(point.label, 40) for point in lost[:5])}"] if lost else []
        said += [f"against it: {', '.join(short(point.label, 40) for point in bad[:5])}"] if bad else []
        said += [judged.reason] if judged.parts else []
        return Grade(min(1.0, max(0.0, raw / of)), "; ".join(said), raw=raw, parts=parts, errors=errors)


def _row_point(item: object) -> Point:
    """A point of the row; HealthBench's names are known too. A row may not bring graders: it is data."""
    if not isinstance(item, Mapping):
        raise ValueError(f"{short(item)} is no {{text, weight}}")
    text, weight = item.get("text", item.get("criterion")), item.get("weight", item.get("points", 1.0))
    return Point.model_validate({"text": text, "weight": weight})


def _share(point: Point, decided: Mapping[str, Grade], judged: Grade) -> float | None:
    if point.grader is not None:
        return decided[point.label].score
    return judged.parts.get(point.label)


def _check(points: Sequence[Point], positive: bool) -> None:
    labels = [point.label for point in points]
    if twice := {label for label in labels if labels.count(label) > 1}:
        raise ValueError(f"two points are called {short(min(twice))}; give each a name of its own")
    if positive and not any(point.weight > 0 for point in points):
        raise ValueError("a rubric needs a point with a positive weight")
