"""A cell → a folder in which `finetune-advisor run plan.yaml` runs all of its arms.

Writes train.jsonl, validation.jsonl, test.jsonl, grade.py and plan.yaml; for a base that was trained before, also
base.jsonl and base.yaml, which runs first and leaves the model that plan.yaml starts from.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from benchmarks.mawps import grade as mawps_grade
from benchmarks.regret.design import PREFERENCES, Cell
from benchmarks.regret.rows import Row, easier, last_line, parts
from benchmarks.tone import polite
from benchmarks.word_model import make_model

_RULES = {"tone": polite.__file__, "mawps": mawps_grade.__file__}
_LINE = '''"""1 where the last line is as it should be."""


def grade(sample, item):
    lines = sample["output_text"].strip().splitlines()
    return float(bool(lines) and lines[-1].strip() == {line!r}.format(item["reference"]))
'''
_NOTES = '''"""1 for a note of at most 60 characters that names day and person."""


def grade(sample, item):
    note, words = sample["output_text"].strip(), item["prompt"].rstrip(".").split()
    return float(len(note) <= 60 and words[4] in note and words[-1] in note)
'''
TOKENS, PROBED = 72, 100
"""Tokens of an answer, at most (those of the word model take 24), and rows of the probe."""


def make(cell: Cell, folder: Path, data: Path | None) -> None:
    """Writes everything anew; runs stay."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = parts(cell, data)
    for part, some in rows.items():
        _write(folder / f"{part}.jsonl", some)
    (folder / "grade.py").write_text(_rule(cell))
    model = "starter"
    if cell.task == "mawps":
        texts = [
            text for row in rows["train"] + rows["validation"] for text in (row["prompt"], row.get("Equation", ""))
        ]
        operators = ["+ - * /", *(f"number{place}" for place in range(10)), *(row["Equation"] for row in rows["test"])]
        make_model(texts + operators, folder / "model", cell.seed)
        model = "./model"
    if before := easier(cell):
        _write(folder / "base.jsonl", before)
        (folder / "base.yaml").write_text(yaml.safe_dump(_before(cell), sort_keys=False))
        model = "./base"
    (folder / "plan.yaml").write_text(yaml.safe_dump(_plan(cell, model), sort_keys=False))


def _rule(cell: Cell) -> str:
    if cell.task in _RULES:
        return Path(_RULES[cell.task]).read_text()
    return _NOTES if cell.task == "notes" else _LINE.format(line=last_line(cell, "{}"))


def _before(cell: Cell) -> dict[str, Any]:
    return {
        "version": 1,
        "name": "base",
        "seed": cell.seed,
        "data": {"train": "base.jsonl"},
        "metric": "likelihood",
        "stages": [{"type": "sft", "name": "sft"}],
    }


def _plan(cell: Cell, model: str) -> dict[str, Any]:
    function = "grade.py:exact" if cell.task == "mawps" else "grade.py:grade"
    graders: dict[str, Any] = {"rule": {"type": "python", "function": function}}
    if cell.task in PREFERENCES:
        graders["rm"] = {"type": "reward_model", "model": "rm"}
    data = {"train": "train.jsonl", "validation": "validation.jsonl", "test": "test.jsonl"}
    return {
        "version": 1,
        "name": "arms",
        "seed": cell.seed,
        "model": {"name": model, "tuning": "full"},
        "data": data | ({"placeholders": "keep"} if cell.task == "mawps" else {}),
        "graders": graders,
        "metric": "rule",
        "evaluation": {"max_new_tokens": 24 if cell.task == "mawps" else TOKENS, "pass_k": 0},
        "stages": _stages(cell),
    }


def _stages(cell: Cell) -> list[dict[str, Any]]:
    """The arms, each with its evaluation. Sizes are what `init` leaves open, but for a cap on RL's steps, which holds
    an arm to about as long as one round of rejection sampling takes. What practises starts from the SFT model; from
    the base where the answers are results alone, since imitating those is what unlearns the steps."""
    tokens = {"max_new_tokens": 24 if cell.task == "mawps" else TOKENS}
    words = {"learning_rate": 1e-3, "batch_size": 48} if cell.task == "mawps" else {}
    sft = {"type": "sft", "name": "sft", **words, **({"epochs": 20} if words else {})}
    rejection = {"type": "rejection_sampling", **tokens, **words, **({"epochs": 8} if words else {})}
    probe = {"type": "probe", "name": "probe", "rows": PROBED, "samples_per_prompt": 8, **tokens}
    if cell.task in PREFERENCES:
        judge = {"type": "reward_model", "name": "rm", "gate": False}
        rejection |= {"reward": "rm", "keep": "best"}
        practise = [{"type": "dpo"}, {"type": "ppo", "reward": "rm", "steps": 5, **tokens}]
        first = [probe, sft, judge]
    else:
        practise = [
            {"type": "grpo", "steps": 16, "learning_rate": 2e-4, **tokens},
            {"type": "ppo", "steps": 5, "learning_rate": 2e-4, **tokens},
        ]
        first = [probe, sft if cell.shown else {**sft, "control": True}]
    arms = {"rejection_sampling": rejection, "practise": practise[0], "ppo": practise[1]}
    measured = [{"type": "evaluate", "name": "nothing"}, *first, _after("sft")]
    start = {"policy": "sft"} if cell.shown else {"control": True}  # a control arm is no later stage's input
    return measured + [stage for name, arm in arms.items() for stage in ({**arm, "name": name, **start}, _after(name))]


def _after(arm: str) -> dict[str, Any]:
    return {"type": "evaluate", "name": f"after_{arm}", "policy": arm}


def _write(path: Path, rows: list[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
