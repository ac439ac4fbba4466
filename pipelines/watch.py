"""What runs beside training, as a callback of transformers' Trainer: progress, whole checkpoints, stopping."""

import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from pipelines import processes
from pipelines.alarms import SPREADLESS
from pipelines.checkpoints import mark_whole
from pipelines.job import Job


class Watch(TrainerCallback, ExportableState):  # type: ignore[misc]  # transformers is untyped here
    """Tells how far training is, marks whole checkpoints, and stops it where a resume is exact.

    every: optimizer steps between places where training may be saved (for RL, where a new generation begins).
    shown: name in TRL's log → name shown to the user.
    """

    def __init__(self, job: Job, shown: dict[str, str], every: int = 1) -> None:
        self._job, self._shown, self._every = job, shown, every
        self.idle = False  # whether RL had nothing to learn from, in any generation so far
        self._latest: dict[str, float] = {}
        self._before = 0.0
        self._started = self._saved = time.monotonic()
        self.out_of_time = False
        self.gave_up = False  # whether an alarm ended the training

    @property
    def train_seconds(self) -> float:
        """Wall time of the training loop, over all resumed parts."""
        return self._before + time.monotonic() - self._started

    def state(self) -> dict[str, Any]:
        return {"args": {}, "attributes": {"train_seconds": self.train_seconds}}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        kept = state.stateful_callbacks.get(type(self).__name__, {})
        if state.global_step > 0 and isinstance(kept, dict):
            self._before = float(kept["attributes"]["train_seconds"])
        self._started = self._saved = time.monotonic()

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        logs = more["logs"]
        self._latest |= {
            ours: float(logs[theirs]) for theirs, ours in self._shown.items() if logs.get(theirs) is not None
        }
        steps = [log for log in state.log_history if SPREADLESS in log]
        # TRL counts no group that has unscored answers as one without spread; but then no gradient comes of it either.
        self.idle = bool(steps) and all(log[SPREADLESS] == 1.0 or log.get("grad_norm") == 0 for log in steps)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> TrainerControl:
        limit = self._job.limit_seconds
        if self._job.match_seconds is None or limit is None:
            self._job.progress.step(state.global_step, state.max_steps, "steps", **self._latest)
        else:
            self._job.progress.step(min(self.train_seconds, limit), limit, "seconds", **self._latest)
        if state.global_step % self._every or state.global_step >= state.max_steps:
            # No checkpoint at the very end: resumed from it, the trainer would take one step too many.
            return control
        over = limit is not None and self.train_seconds >= limit
        stop = self._job.progress.stop_requested
        save = time.monotonic() - self._saved >= 60 * self._job.plan.checkpoint_minutes
        said = processes.all_say((over, stop, save))
        over, _, save = said[0]
        stop = any(wish for _over, wish, _save in said)  # one machine alone may be taken away
        if over:
            self.out_of_time = control.should_training_stop = True
        elif stop:
            self._job.progress.stop_requested = control.should_save = control.should_training_stop = True
        elif save:
            control.should_save = True
        return control

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._saved = time.monotonic()
        processes.wait_for_all()  # each saves its own random state
        if processes.is_first():
            mark_whole(self._job.checkpoints / f"checkpoint-{state.global_step}")
