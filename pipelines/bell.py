"""Rings the alarms of a training, each once: an event for the user, an entry in the record, a report line.

An alarm that the plan's `stop_on` names also ends the training; the best weights by the metric are taken then, as ever.
"""

from collections.abc import Sequence
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from pipelines.alarms import ALARMS, STILL_STEPS, WEIGHTS_MOVED, Alarm
from pipelines.job import Job, Numbers
from pipelines.training import thumbprint
from pipelines.watch import Watch


class Bell(TrainerCallback, ExportableState):  # type: ignore[misc]  # transformers is untyped here
    """stop_on: alarms that end the training. alarms: RL's, unless said. rung: what rang, as {name, step, text}."""

    def __init__(self, job: Job, watch: Watch, stop_on: Sequence[str], alarms: Sequence[Alarm] = ALARMS) -> None:
        self._job, self._watch, self._stop_on, self._alarms = job, watch, stop_on, alarms
        self._before = ""
        self.rung: list[dict[str, Any]] = []

    def state(self) -> dict[str, Any]:
        return {"args": {}, "attributes": {"rung": self.rung}}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        kept = state.stateful_callbacks.get(type(self).__name__, {})
        if state.global_step > 0 and isinstance(kept, dict):
            self.rung = list(kept["attributes"]["rung"])
        self._before = thumbprint(more["model"])

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> TrainerControl:
        if "loss" not in more["logs"]:  # the summary at the end
            return control
        if state.global_step == STILL_STEPS:
            state.log_history[-1][WEIGHTS_MOVED] = float(thumbprint(more["model"]) != self._before)
        before = {ring["name"] for ring in self.rung}
        for alarm in self._alarms:
            text = None if alarm.name in before else alarm.check(state.log_history)
            if text is not None:
                self.rung.append({"name": alarm.name, "step": state.global_step, "text": text})
                self._job.progress.say(f"alarm `{alarm.name}` at step {state.global_step}: {text}")
                self._watch.gave_up |= alarm.name in self._stop_on
        control.should_training_stop |= self._watch.gave_up
        return control

    def outcome(self, numbers: Numbers) -> Numbers:
        """For the record: what rang, and a sentence where training ended early or learned nothing."""
        text = self._ended(numbers)
        if text is not None:
            self._job.progress.say(text)
        return {"alarms": self.rung} | ({} if text is None else {"note": text})

    def _ended(self, numbers: Numbers) -> str | None:
        steps, taken = numbers["steps"], numbers["taken_from_step"]
        if self._watch.idle:
            happened = f"in all {steps} steps all answers to each prompt were worth the same"
            return f"{self._job.stage}: {happened}: nothing to learn from. The model is as it was; see samples.jsonl."
        causes = [ring["name"] for ring in self.rung if ring["name"] in self._stop_on]
        if not causes:
            return None
        back = f"rolled back to the weights of step {taken}" if taken < steps else "the last weights were taken"
        return f"{self._job.stage}: stopped at step {steps} by the alarm `{causes[0]}`; {back}."
