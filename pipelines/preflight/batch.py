"""The numbers that a plan leaves open, resolved: what each stage that trains will do."""

from collections.abc import Iterator

from pipelines.preflight.look import StageLook
from pipelines.preflight.record import Line, amber, green
from pipelines.preflight.subject import Subject

_UNIT = {"grpo": "completions", "ppo": "completions", "dpo": "pairs", "reward_model": "pairs", "kto": "answers"}
SAMPLING = ("grpo", "ppo")
"""Stage types that sample while they train, and learn only from prompts whose answers differ in score."""
FEW_STEPS = 10
"""Under so many optimizer steps the learning rate's warm-up is much of the training. Ours."""


def lines(subject: Subject) -> Iterator[Line]:
    """One line a stage; more where the numbers are odd."""
    for stage in subject.stages:
        yield green("batch", told(stage), stage.steps, "steps", stage.stage)
        if stage.steps < FEW_STEPS:
            fix = "more rows, more epochs, or a smaller batch"
            yield amber("batch", f"only {stage.steps} optimizer steps", fix, stage.steps, stage.stage)


def told(stage: StageLook) -> str:
    """The arithmetic in one sentence."""
    unit = _UNIT.get(stage.type, "rows")
    rows = {
        "rows": f"{stage.rows:,} rows",
        "completions": f"{stage.rows:,} prompts",
        "pairs": f"{stage.rows:,} pairs",
        "answers": f"{stage.rows:,} answers",
    }
    answers = (f"answers of at most {stage.new_tokens:,} tokens",) if stage.new_tokens else ()
    parts = [
        f"at most {stage.rows:,} rows" if stage.type == "rejection_sampling" else rows[unit],
        f"{stage.per_step} {unit} a step (micro-batch {stage.micro} × {stage.accumulation})",
        f"{stage.steps:,} steps, {stage.epochs:.3g} epochs, {stage.tuning}, learning rate {stage.learning_rate:.2g}",
        f"longest {stage.longest:,} tokens",
        *answers,
        f"{stage.tokens:,} tokens in all",
    ]
    return "; ".join(parts)
