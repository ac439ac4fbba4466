"""Measures a model on validation rows while it trains, and keeps the weights that did best.

A policy is measured by the plan's metric; by `preference` on validation rows that are pairs or marked. Without
validation rows, with `likelihood`, or where the model is sharded, nothing is measured and the last weights are taken.
What is measured goes into the training log too, with the interval of its change since the best, for the alarms.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from graders.statistics import Interval, paired_bootstrap
from pipelines import processes
from pipelines.alarms import METRIC, METRIC_HIGH
from pipelines.data.rows import Row
from pipelines.evals.likelihood import preference_rows
from pipelines.evals.score import grade_completions
from pipelines.files import write_json
from pipelines.job import Job, Numbers, Progress
from pipelines.models import Policy
from pipelines.sampling import Sampling, sample

TIMES = 5
"""How often a training stage is measured, evenly spread over it."""
OFTEN = 10
"""The same where the reward is not the metric: a peak is found to a tenth of the training."""
MOST_ROWS = 200
SURE = 0.998
"""Confidence of a change since the best. The best is the highest of up to eleven measurements; of so many equal ones
the highest and a later one lie 3.2 standard errors apart in one training of twenty (Tukey's range), not 2."""
FILE = "validation.json"
"""In a stage's folder: step → the score of each validation row."""

Scores = list[float | None]
"""One for each validation row; None where the grader could not judge."""


@dataclass(frozen=True, slots=True)
class Measured:
    """reason: why the first score is as it is. beside: what else goes into the training log."""

    scores: Scores
    reason: str
    beside: Mapping[str, float] = field(default_factory=dict)


Start = Literal["unmeasured", "counts", "if_sure"]
Measure = Callable[[Any], Measured]
"""Of the model that trains."""


def by_metric(job: Job, policy: Policy, rows: Sequence[Row], max_new_tokens: int) -> Measure | None:
    """The plan's metric on the first validation rows it can measure; None where it measures none while training.

    policy: what trains, with its tokenizer. max_new_tokens: where a greedy answer is cut.
    """
    if job.plan.metric == "preference":
        pairs = [row for row in rows if row.is_pair or row.is_marked][:MOST_ROWS]
        return _by_preference(job, policy, pairs) if pairs else None
    held = list(rows[:MOST_ROWS])
    if not held or job.plan.metric not in job.plan.graders:
        return None
    grader, args = job.plan.graders[job.plan.metric], job.plan.model.template_args
    settings = Sampling(max_new_tokens, seed=job.plan.seed)

    def measure(model: Any) -> Measured:
        silent = Progress(Path("/dev/null"))
        answers = sample(replace(policy, model=model), [row.messages for row in held], settings, args, silent)
        graded = grade_completions(grader, held, [answer[0] for answer in answers])
        return Measured([row.score for row in graded], graded[0].reason)

    return measure


def _by_preference(job: Job, policy: Policy, rows: Sequence[Row]) -> Measure:
    def measure(model: Any) -> Measured:
        silent = Progress(Path("/dev/null"))
        graded = preference_rows(replace(policy, model=model), rows, job.plan.model.template_args, silent)
        return Measured([row.score for row in graded], graded[0].reason)

    return measure


class KeepBest(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
    """measure: how a model is scored; None: not at all.

    start: what the input model is worth. "counts": it remains where training never got better. "if_sure": where all
    that training made of it is surely worse; imitating others teaches a manner that the metric need not show. often:
    where a peak may lie between.
    """

    def __init__(self, job: Job, measure: Measure | None, start: Start = "unmeasured", often: bool = False) -> None:
        whole = job.plan.sharding == "none"  # else no process has a model that could answer
        self._job, self._measurement, self._start = job, measure if whole else None, start
        self._times = OFTEN if often else TIMES
        self._measured: dict[int, Scores] = {}
        self._started = time.monotonic()
        self._path = job.folder / FILE

    @property
    def rows(self) -> int:
        """How many validation rows are measured."""
        return max(map(len, self._measured.values()), default=0)

    @property
    def weights(self) -> Path:
        return self._job.checkpoints / "best.safetensors"

    @property
    def first_weights(self) -> Path:
        """Those of the input model, where it counts only if it is surely better."""
        return self._job.checkpoints / "start.safetensors"

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """After a resume, what was measured up to the checkpoint still counts."""
        self._started = time.monotonic()
        if self._path.exists() and state.global_step > 0:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            again = self._job.limit_seconds is None  # what came after the checkpoint is measured again
            passed = [step for step in kept if int(step) <= state.global_step or not again]
            self._measured = {int(step): kept[step] for step in passed}
        elif self._start != "unmeasured" and self._measurement is not None:
            self._log(state, more["model"])

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        if self._measurement is not None and self._due(state):
            self._log(state, more["model"])

    def _due(self, state: TrainerState) -> bool:
        limit = self._job.limit_seconds
        if limit is not None:
            times = (len(self._measured) + 1) * limit / (self._times + 1)
            over = time.monotonic() - self._started >= times or state.global_step == state.max_steps
            return processes.first_says(over)
        every = max(1, state.max_steps // self._times)
        return bool(state.global_step % every == 0 or state.global_step == state.max_steps)

    def _log(self, state: TrainerState, model: Any) -> None:
        """Every process gets the same entry, since an alarm may stop the training by it."""
        entry = processes.first_says(self._measure(model, state.global_step) if processes.is_first() else {})
        state.log_history.append({"step": state.global_step, **entry})

    def _measure(self, model: Any, step: int) -> dict[str, float]:
        found = self._scored(model)
        scores = found.scores
        if all(value is None for value in scores):  # no zero for the model: what nobody could judge is not measured
            why = f"the grader judged none of {len(scores)}: {found.reason}"
            self._job.progress.say(f"step {step}: no validation score, {why}")
            return {}
        change = change_since(self._measured[self._best()], scores) if self._measured else None
        self._measured[step] = scores
        score = _mean(scores)
        n = sum(value is not None for value in scores)
        told = "".join(f", {name.removeprefix('validation_')} {value:.2f}" for name, value in found.beside.items())
        self._job.progress.say(f"step {step}: validation score {score:.3f} (n={n}){told}")
        if self._best() == step:
            self._save(model, self._place(step))
        write_json(self._path, self._measured)
        return {METRIC: score, **found.beside} | ({METRIC_HIGH: change.high} if change else {})

    def _scored(self, model: Any) -> Measured:
        assert self._measurement is not None
        was_training = model.training
        with torch.random.fork_rng():
            found = self._measurement(model)
        model.train(was_training)
        return found

    def _best(self) -> int:
        """The step that did best; the latest of equals."""
        trained = [step for step in self._measured if step > 0]
        best = _highest(self._measured, trained if trained and self._start == "if_sure" else list(self._measured))
        if self._start == "if_sure" and trained and 0 in self._measured:
            change = change_since(self._measured[0], self._measured[best])
            return 0 if change is not None and change.high < 0 else best
        return best

    def _place(self, step: int) -> Path:
        return self.first_weights if step == 0 and self._start == "if_sure" else self.weights

    def _save(self, model: Any, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {name: p.detach().cpu().contiguous() for name, p in model.named_parameters() if p.requires_grad}
        temporary = path.with_suffix(".partial")
        save_file(tensors, temporary)
        temporary.rename(path)

    def take_best(self, model: Any, last_step: int) -> int:
        """Puts the best measured weights into the model; returns the step they are from."""
        unseen = not any(self._measured)  # only the input model was measured
        if not self._measured or unseen or not (kept := self._place(self._best())).exists():
            return last_step
        model.load_state_dict(load_file(kept), strict=False)
        return self._best()

    def outcome(self, taken: int) -> Numbers:
        """The mean validation scores of what is left and of the input model, those that were measured. taken: the step
        whose weights are left."""
        if taken not in self._measured:
            return {}
        before = {"validation_before": _mean(self._measured[0])} if 0 in self._measured else {}
        return {**before, "validation_score": _mean(self._measured[taken])}

    def left_as_it_was(self, taken: int) -> str | None:
        """Why imitation left its input model, in words; None where it left another."""
        if taken > 0:
            return None
        best = _highest(self._measured, [step for step in self._measured if step > 0])
        scores = f"{_mean(self._measured[0]):.2f} before it, {_mean(self._measured[best]):.2f} at best after it"
        worse = "surely worse" if self._start == "if_sure" else "no better"
        return f"training made the model {worse} on validation rows ({scores}), so it is left as it was"


def _highest(measured: Mapping[int, Scores], steps: Sequence[int]) -> int:
    return max(steps, key=lambda step: (_mean(measured[step]), step))


def change_since(before: Scores, after: Scores) -> Interval | None:
    """Interval of the mean change over the rows that are scored on both sides; None where there are none."""
    pairs = [(old, new) for old, new in zip(before, after, strict=True) if old is not None and new is not None]
    if not pairs:
        return None
    return paired_bootstrap([new - old for old, new in pairs], range(len(pairs)), confidence=SURE)


def _mean(scores: Scores) -> float:
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else 0.0
