"""Makes the starter model: `python -m pipelines.starter.make --out DIR`.

Writes a folder that AutoModelForCausalLM and AutoTokenizer load: bf16 safetensors, tokenizer with chat template,
and a model card with the measured scores. Chosen is the last checkpoint whose scores lie within RANGE, so that every
method has something left to teach.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from pipelines.starter.pretrain import Checkpoint, Recipe, build_model, pretrain, score_all
from pipelines.starter.tokenizer import build_tokenizer

RANGE = {"arithmetic": (0.25, 0.55), "extract": (0.25, 0.55)}
"""The lowest and highest scores looked for."""


def distance(scores: dict[str, float]) -> float:
    """How far a checkpoint is from RANGE: the largest gap of any task, 0 within."""
    return max(max(low - scores[task], scores[task] - high, 0.0) for task, (low, high) in RANGE.items())


def save(model: Any, tokenizer: Any, best: Checkpoint, recipe: Recipe, out: Path) -> None:
    """Writes the checkpoint in bf16, scored again as saved, with its card."""
    import torch
    from transformers import GenerationConfig

    model.load_state_dict(best.weights)
    model.to(torch.bfloat16)
    model.generation_config = GenerationConfig(
        max_new_tokens=64, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    scores = score_all(model, tokenizer, 500 if recipe.score_rows >= 200 else recipe.score_rows)
    (out / "README.md").write_text(card(model.num_parameters(), best.step, scores, recipe), encoding="utf-8")


def card(num_parameters: int, step: int, scores: dict[str, float], recipe: Recipe) -> str:
    """The model card, in Markdown."""
    rows = "\n".join(f"| {task} | {100 * score:.1f} % |" for task, score in scores.items())
    return f"""# starter

A Llama of {num_parameters / 1e6:.2f} million parameters with its own tokenizer of 768 entries, trained from random
weights on text that this repository generates (`pipelines/starter/tasks.py`). It knows a little of four small tasks,
on purpose not enough: it exists so that the demo, the tests and the benchmarks are real on a laptop.

Made by `python -m pipelines.starter.make` with seed {recipe.seed}: {step} steps of {recipe.rows_per_step} rows, mixed
{", ".join(f"{task} {100 * share:.0f} %" for task, share in recipe.mixture.items())}. Weights are bf16.

| task, held-out rows | greedy answers that are exactly right |
|---|--:|
{rows}

For tone the number is how often the polite reply is likelier than the worse one, per token; 50 % is no taste at all.
"""


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write the model to.")
@click.option("--steps", default=Recipe.steps, show_default=True, help="Training steps at most.")
@click.option("--score-every", default=Recipe.score_every, show_default=True, help="Steps between checkpoints.")
@click.option("--score-rows", default=Recipe.score_rows, show_default=True, help="Held-out rows of each task.")
@click.option("--seed", default=Recipe.seed, show_default=True)
@click.option("--keep", type=click.Path(path_type=Path), help="Also keep the weights of every checkpoint here.")
def make(out: Path, steps: int, score_every: int, score_rows: int, seed: int, keep: Path | None) -> None:
    """Makes the starter model.

    Example: python -m pipelines.starter.make --out pipelines/starter/model
    """
    import torch

    recipe = replace(Recipe(), steps=steps, score_every=score_every, score_rows=score_rows, seed=seed)
    tokenizer = build_tokenizer()
    model = build_model(tokenizer, seed)
    best = None
    for checkpoint in pretrain(model, tokenizer, recipe):
        shown = "  ".join(f"{task} {100 * score:5.1f} %" for task, score in checkpoint.scores.items())
        click.echo(f"step {checkpoint.step:5d}  {shown}", err=True)
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            torch.save(checkpoint.weights, keep / f"{checkpoint.step}.pt")
        if best is None or distance(checkpoint.scores) <= distance(best.scores):
            best = checkpoint
    if best is not None:
        save(model, tokenizer, best, recipe, out)
        click.echo(f"{out}: step {best.step}")


if __name__ == "__main__":
    make()
