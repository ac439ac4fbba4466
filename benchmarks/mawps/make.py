"""MAWPS fold 0 and a random model → a folder in which `finetune-advisor run plan.yaml` works.

In: the folder with fold0_train.csv and fold0_dev.csv (columns Question, Numbers, Equation, Answer). Out, in `out`:
train.jsonl (300 rows with their equation, the others with their answer alone), all.jsonl (the same rows, each with its
equation), validation.jsonl (150 of the rows without an equation), test.jsonl (the 384 of fold0_dev.csv), model/ (Qwen3,
random weights, a vocabulary of words), the same in choices/ with four choices to each row, grade.py and the plans.
Which 300 rows are worked, the seed decides.
"""

import csv
import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.mawps.choices import with_choices
from benchmarks.word_model import make_model

WORKED, VALIDATION = 300, 150
HERE = Path(__file__).parent


def make(data: Path, out: Path, seed: int) -> None:
    """Writes everything; what is there is replaced, runs stay."""
    out.mkdir(parents=True, exist_ok=True)
    train, test = rows_of(data / "fold0_train.csv"), rows_of(data / "fold0_dev.csv")
    make_model([row[column] for column in ("Question", "Equation") for row in train], out / "model", seed)
    write_parts(out, train, test, seed)
    with_options = [with_choices(row) for row in train]
    texts = [row[column] for column in ("Question", "Options", "Equation") for row in with_options]
    make_model(texts, out / "choices" / "model", seed)
    write_parts(out / "choices", with_options, [with_choices(row) for row in test], seed)
    shutil.copy(HERE / "grade.py", out)
    for plan in HERE.glob("*.yaml"):
        (out / plan.name).write_text(plan.read_text().replace("seed: 0", f"seed: {seed}"))


def write_parts(out: Path, train: list[dict[str, Any]], test: list[dict[str, Any]], seed: int) -> None:
    """The four files of rows; only the worked ones keep what shows the way."""
    order = list(range(len(train)))
    Random(seed).shuffle(order)
    worked, held, bare = order[:WORKED], order[WORKED : WORKED + VALIDATION], order[WORKED + VALIDATION :]
    hidden = dict.fromkeys({"Equation", "Derived"} & set(train[0]))
    write(out / "train.jsonl", [train[place] for place in worked] + [{**train[place], **hidden} for place in bare])
    write(out / "all.jsonl", [train[place] for place in [*worked, *bare]])
    write(out / "validation.jsonl", [{**train[place], **hidden} for place in held])
    write(out / "test.jsonl", test)


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The columns that are used, in the file's order."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {key: row[key] for key in ("Question", "Numbers", "Equation", "Answer")} for row in csv.DictReader(file)
        ]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
