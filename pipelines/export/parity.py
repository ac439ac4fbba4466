"""Is the exported model the one that was measured? Both read the same text, and the exported one answers test rows.

Two checks. Log-probabilities: on at most 64 rows, each model's log-probability of every token of a right answer (of the
measured model's own greedy answer where there is none). Score: the exported model answers up to 200 test rows greedily,
and its grades are paired with those of the run. A cast to bf16 moves single tokens, so the score may differ by noise,
but not by more; the log-probabilities may differ by what half a bf16 step does to a logit.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from graders.statistics import paired_bootstrap
from pipelines.data.checked import load_checked
from pipelines.data.render import Encoded, encode
from pipelines.data.rows import Row
from pipelines.evals.grades import GradedRow, read_grades
from pipelines.evals.likelihood import mean_logprobs
from pipelines.evals.score import grade_completions
from pipelines.evaluate import chosen as chosen_rows
from pipelines.export.chosen import Chosen
from pipelines.job import Progress
from pipelines.models import Policy, load_policy
from pipelines.sampling import Sampling, sample
from pipelines.training import answer_limit

TEXTS, ANSWERS = 64, 200
TOLERANCE = {"fp32": 1e-3, "bf16": 0.05, "fp16": 0.02}
"""Of the mean absolute difference of a row's log-probability per token. Measured on the starter, full and LoRA: fp32
0.0, bf16 0.001 to 0.002, fp16 0.0001; larger models round more, but twenty times that is a fault and no rounding."""


class Parity(BaseModel):
    """What was compared. logprob_difference: mean over rows of the absolute difference per token. score_*: pass rates
    on the same test rows; low, high: the 95 % interval of their difference in points. None: nothing could be compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    texts: int
    logprob_difference: float
    tolerance: float
    answers: int
    score_measured: float | None
    score_exported: float | None
    low: float | None
    high: float | None

    @property
    def fault(self) -> str | None:
        """Why the exported model is not the measured one; None where it is."""
        if self.logprob_difference > self.tolerance:
            return (
                f"log-probabilities differ by {self.logprob_difference:.4f} a token on {self.texts} texts, "
                f"over {self.tolerance:g}"
            )
        if self.low is not None and self.high is not None and not self.low <= 0 <= self.high:
            return (
                f"it scores {self.score_exported:.1%} on {self.answers} test rows and not {self.score_measured:.1%} "
                f"[{self.low:+.1f}, {self.high:+.1f} points]"
            )
        return None


def parity(chosen: Chosen, exported: Path, dtype: str, progress: Progress) -> Parity:
    """Compares; loads both models."""
    import torch

    plan = chosen.loaded.plan
    split = load_checked(plan.data, chosen.loaded.folder)
    args = plan.model.template_args
    measured = load_policy(str(chosen.model), plan.model, "answer")
    measured.model.to(torch.float32)
    rows = (split.validation.rows or split.test.rows)[:TEXTS]
    texts = _texts(rows, measured, args, answer_limit(split.train.rows, measured, args), progress)
    expected = mean_logprobs(measured, texts, progress)
    shipped = load_policy(str(exported), plan.model, "answer")
    short = {"bf16": torch.bfloat16, "fp16": torch.float16 if shipped.model.device.type != "cpu" else torch.float32}
    shipped.model.to(short.get(dtype, torch.float32))  # a CPU computes little in fp16; its rounding is in the weights
    found = mean_logprobs(shipped, texts, progress)
    differences = [abs(a - b) for a, b in zip(expected, found, strict=True)]
    before, after = _answers(chosen, shipped, split.test.rows, progress)
    gains = [
        (a.prompt_key, float(b.passed) - float(a.passed))
        for a, b in zip(before, after, strict=True)
        if a.passed is not None and b.passed is not None
    ]
    interval = paired_bootstrap([100 * gain for _, gain in gains], [key for key, _ in gains]) if gains else None
    return Parity(
        texts=len(texts),
        logprob_difference=sum(differences) / max(1, len(differences)),
        tolerance=TOLERANCE[dtype],
        answers=len(gains),
        score_measured=_rate(before),
        score_exported=_rate(after),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )


def _texts(rows: Sequence[Row], policy: Policy, args: dict[str, Any], limit: int, progress: Progress) -> list[Encoded]:
    """Prompts with a right answer, else with the measured model's own."""
    own = [row for row in rows if row.demonstration is None]
    answers = iter(sample(policy, [row.messages for row in own], Sampling(limit), args, progress) if own else [])
    found = []
    for row in rows:
        answer: Any = row.answer if row.demonstration is not None else next(answers)[0].text or "."
        found.append(encode(policy.tokenizer, row.messages, answer, args, row.tools))
    return found


def _answers(
    chosen: Chosen, exported: Policy, test: Sequence[Row], progress: Progress
) -> tuple[list[GradedRow], list[GradedRow]]:
    """The run's grades and the exported model's, of the same rows; empty where no grader measured the run, or a
    reward model that the run trained did."""
    plan, step = chosen.loaded.plan, chosen.evaluation
    record = step.record() if step else None
    if step is None or record is None or plan.metric not in plan.graders or step.judges:
        return [], []
    known = {row.index: row for row in read_grades(step.folder / "grades.jsonl")}
    rows = chosen_rows([row for row in test if row.number in known], ANSWERS)
    settings = Sampling(int(record.numbers["max_new_tokens"]), seed=plan.seed)
    answers = sample(exported, [row.messages for row in rows], settings, plan.model.template_args, progress)
    grader = plan.graders[plan.metric]
    return [known[row.number] for row in rows], grade_completions(grader, rows, [some[0] for some in answers])


def _rate(rows: Sequence[GradedRow]) -> float | None:
    passed = [row.passed for row in rows if row.passed is not None]
    return sum(passed) / len(passed) if passed else None
