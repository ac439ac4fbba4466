"""The numbers of a run: every model on the same test rows, each against the base and the one before, and the verdict.

In: the models in the order they were made, the baseline first, each with its graded rows. Out: the Report, which is
report.json as it stands. The final model is the last that is no control; the line leads to it from the baseline through
the models that it was trained from; the others are arms beside it. Pure: no clock is read.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from pipelines.evals.compare import Comparison, Difference, Rate, compare, rate
from pipelines.evals.grades import GradedRow, unscored_in_words
from pipelines.evals.verdict import in_words, method_name, percent, verdict

_TRUNCATED_TOO_OFTEN = 0.05


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One model that answered the test rows.

    name: the stage's. method: the stage's type; "base" for the baseline. rows: its graded answers. seconds: of
    training. pass_at_k: k → unbiased pass@k. control: an arm for comparison only. after: name of the model that
    this one was trained from, the nearest that was evaluated; "" for the last before it that is no control.
    """

    name: str
    method: str
    rows: Sequence[GradedRow]
    seconds: float | None = None
    pass_at_k: Mapping[int, float] = field(default_factory=dict)
    control: bool = False
    after: str = ""


def previous(model: Evaluated, models: Sequence[Evaluated]) -> Evaluated | None:
    """The model that this one was trained from; None for the first."""
    earlier = [other for other in models[: models.index(model)] if not other.control]
    return next((other for other in earlier if other.name == model.after), earlier[-1] if earlier else None)


def line_to_final(models: Sequence[Evaluated]) -> list[Evaluated]:
    """From the baseline to the final model."""
    line = [next(model for model in reversed(models) if not model.control)]
    while (before := previous(line[0], models)) is not None:
        line.insert(0, before)
    return line


@dataclass(frozen=True, slots=True)
class Setting:
    """How all of them were asked and graded, for the reader. written_at: a time to print, if any.

    probes: a probe stage's name → its numbers (pipelines/probe.py). courses: an RL stage's name → its course, with
    `plot`, the place of its PNG (pipelines/evals/course.py).
    """

    title: str
    sampling: Mapping[str, Any]
    grader: Mapping[str, Any]
    notes: Sequence[str] = ()
    probes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    courses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    written_at: str | None = None


class StageReport(BaseModel):
    """One model's numbers on the test rows. Rates and their interval are shares in [0, 1].

    arm: not on the line to the final model, and no control. to_base, to_previous: the gain over the baseline and over
    the model that this one was trained from. final_over_this: of a control or an arm, the final model's gain over it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    method: str
    control: bool
    arm: bool = False
    pass_rate: float | None
    n: int
    interval: tuple[float, float]
    mean_score: float | None
    difference: Difference | None = None
    to_base: Comparison | None = None
    to_previous: Comparison | None = None
    final_over_this: Comparison | None = None
    seconds: float | None
    pass_at_k: dict[int, float]
    truncated_rate: float
    mean_tokens: float | None
    unscored: int


class Report(BaseModel):
    """report.json. baseline, final, difference: over the rows that both have scored, in the words of `comparison`.

    details: a sentence on the final model against the one before it, and one against each control and arm.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    written_at: str | None
    verdict: str
    details: tuple[str, ...] = ()
    baseline: Rate
    final: Rate
    difference: Difference | None
    comparison: Comparison | None
    stages: tuple[StageReport, ...]
    sampling: dict[str, Any]
    grader: dict[str, Any]
    notes: tuple[str, ...]
    probes: dict[str, dict[str, Any]] = Field(default_factory=dict)
    courses: dict[str, dict[str, Any]] = Field(default_factory=dict)


def build_report(models: Sequence[Evaluated], setting: Setting) -> Report:
    """Raises ValueError when there is no model, the first is a control, or two did not answer the same rows."""
    if not models or models[0].control:
        raise ValueError("a report starts with the baseline, which is no control")
    line = line_to_final(models)
    base, final = line[0], line[-1]
    comparison = compare(base.rows, final.rows) if len(line) > 1 else None
    stages = tuple(_stage(place, models, line) for place in range(len(models)))
    return Report(
        title=setting.title,
        written_at=setting.written_at,
        verdict=verdict([method_name(model.method) for model in line], rate(base.rows), comparison),
        details=tuple(_details(stages, line)),
        baseline=comparison.baseline if comparison else rate(base.rows),
        final=comparison.final if comparison else rate(base.rows),
        difference=comparison.difference if comparison else None,
        comparison=comparison,
        stages=stages,
        sampling=dict(setting.sampling),
        grader=dict(setting.grader),
        notes=(*setting.notes, *_notes(models)),
        probes={name: dict(numbers) for name, numbers in setting.probes.items()},
        courses={name: dict(numbers) for name, numbers in setting.courses.items()},
    )


def _stage(place: int, models: Sequence[Evaluated], line: Sequence[Evaluated]) -> StageReport:
    model, before = models[place], previous(models[place], models)
    beside = model not in line
    to_base = compare(models[0].rows, model.rows) if place else None
    tokens = [row.num_tokens for row in model.rows]
    own = rate(model.rows)
    return StageReport(
        name=model.name,
        method=model.method,
        control=model.control,
        arm=beside and not model.control,
        pass_rate=own.pass_rate,
        n=own.n,
        interval=(own.low, own.high),
        mean_score=own.mean_score,
        difference=to_base.difference if to_base else None,
        to_base=to_base,
        to_previous=compare(before.rows, model.rows) if before and not model.control else None,
        final_over_this=compare(model.rows, line[-1].rows) if beside else None,
        seconds=model.seconds,
        pass_at_k=dict(model.pass_at_k),
        truncated_rate=sum(row.truncated for row in model.rows) / max(1, len(tokens)),
        mean_tokens=math.fsum(tokens) / len(tokens) if tokens else None,
        unscored=sum(row.score is None for row in model.rows),
    )


def _details(stages: Sequence[StageReport], line: Sequence[Evaluated]) -> list[str]:
    said = []
    final = next(stage for stage in stages if stage.name == line[-1].name)
    if len(line) > 2 and final.to_previous:
        step = f"{method_name(line[-1].method)} over {method_name(line[-2].method)}"
        said.append(f"{step}: {in_words(final.to_previous)}")
    for stage in stages:
        if stage.final_over_this:
            control, arm = f"Final model against the control {stage.name}", f"Final model against the arm {stage.name}"
            said.append(f"{arm if stage.arm else control}: {in_words(stage.final_over_this, beside=True)}")
    return said


def _notes(models: Sequence[Evaluated]) -> list[str]:
    """What a reader must know to trust or doubt the numbers."""
    notes = []
    if len(models) > 1 and models[0].method != "base":
        notes.append(f"The plan's own model was not evaluated: gains are over {models[0].name}, a trained one.")
    for model in models:
        truncated = sum(row.truncated for row in model.rows) / max(1, len(model.rows))
        if truncated > _TRUNCATED_TOO_OFTEN:
            notes.append(f"{model.name}: {percent(truncated)} of the answers ran into the length limit.")
        if without := unscored_in_words(model.rows):
            notes.append(f"{model.name}: {without}.")
    return notes
