"""Measures a policy on validation rows while it trains, and keeps the weights that did best by the plan's metric.

Without validation rows, or with a metric that is no grader, nothing is measured and the last weights are taken.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from pipelines.data.rows import Row
from pipelines.evals.score import grade_completions
from pipelines.files import write_json
from pipelines.job import Job, Progress
from pipelines.models import Policy
from pipelines.sampling import Sampling, sample

TIMES = 5
"""How often a training stage is measured, evenly spread over it."""
MOST_ROWS = 200


class KeepBest(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
    """policy: what trains, with its tokenizer. rows: validation rows. max_new_tokens: where an answer is cut."""

    def __init__(self, job: Job, policy: Policy, rows: Sequence[Row], max_new_tokens: int) -> None:
        self._job, self._policy, self._rows = job, policy, list(rows[:MOST_ROWS])
        self._settings = Sampling(max_new_tokens, seed=job.plan.seed)
        self._measured: dict[int, float] = {}
        self._started = time.monotonic()
        self._path = job.folder / "validation.json"

    @property
    def active(self) -> bool:
        """Whether there is anything to measure by."""
        return bool(self._rows) and self._job.plan.metric in self._job.plan.graders

    @property
    def weights(self) -> Path:
        return self._job.checkpoints / "best.safetensors"

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """After a resume, what was measured up to the checkpoint still counts."""
        self._started = time.monotonic()
        if self._path.exists() and state.global_step > 0:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            self._measured = {int(step): score for step, score in kept.items()}

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        if self.active and state.is_world_process_zero and self._due(state):
            self._measure(more["model"], state.global_step)

    def _due(self, state: TrainerState) -> bool:
        limit = self._job.match_seconds
        if limit is not None:
            return time.monotonic() - self._started >= (len(self._measured) + 1) * limit / (TIMES + 1)
        every = max(1, state.max_steps // TIMES)
        return bool(state.global_step % every == 0 or state.global_step == state.max_steps)

    def _measure(self, model: Any, step: int) -> None:
        was_training = model.training
        silent = Progress(Path("/dev/null"))
        with torch.random.fork_rng():
            policy = replace(self._policy, model=model)
            prompts = [row.messages for row in self._rows]
            answers = sample(policy, prompts, self._settings, self._job.plan.model.template_args, silent)
        model.train(was_training)
        grader = self._job.plan.graders[self._job.plan.metric]
        graded = grade_completions(grader, self._rows, [answer[0] for answer in answers])
        scores = [row.score for row in graded if row.score is not None]
        if not scores:  # no zero for the model: what nobody could judge is not measured
            why = graded[0].reason
            self._job.progress.say(f"step {step}: no validation score, the grader judged none of {len(graded)}: {why}")
            return
        score = sum(scores) / len(scores)
        self._measured[step] = score
        self._job.progress.say(f"step {step}: validation score {score:.3f} (n={len(scores)})")
        if score >= max(self._measured.values()):
            self._save(model)
        write_json(self._path, self._measured)

    def _save(self, model: Any) -> None:
        self.weights.parent.mkdir(parents=True, exist_ok=True)
        tensors = {name: p.detach().cpu().contiguous() for name, p in model.named_parameters() if p.requires_grad}
        temporary = self.weights.with_suffix(".partial")
        save_file(tensors, temporary)
        temporary.rename(self.weights)

    def take_best(self, model: Any, last_step: int) -> int:
        """Puts the best measured weights into the model; returns the step they are from."""
        if not self._measured or not self.weights.exists():
            return last_step
        best = max(self._measured, key=lambda step: (self._measured[step], step))
        model.load_state_dict(load_file(self.weights), strict=False)
        return best
