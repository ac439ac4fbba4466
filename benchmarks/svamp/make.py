"""SVAMP as ReFT used it and a random model → a folder in which `finetune-advisor run programs.yaml` works.

In: the folder with svamp_python_sdp.json (3,043 rows with programs) and svamp_test_set.json (1,000 rows; none of its
questions is among the others). Out, in `out`: train.jsonl (600 rows with their program, the others with their answer
alone), validation.jsonl (200 of the others), test.jsonl, model/ and the plan. Columns: Question, Numbers, Program,
Setup ("n0 = 4.0") and Test (an assert on the value, within 0.01 as in arXiv:2401.08967). The seed decides which rows
are worked.
"""

import json
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.mawps.make import write
from benchmarks.svamp.programs import masked, numbers_of, one_line
from benchmarks.word_model import make_model

WORKED, VALIDATION = 600, 200
HERE = Path(__file__).parent


def make(data: Path, out: Path, seed: int) -> None:
    """Writes everything; what is there is replaced, runs stay."""
    out.mkdir(parents=True, exist_ok=True)
    train, test = rows_of(data / "svamp_python_sdp.json"), rows_of(data / "svamp_test_set.json")
    Random(seed).shuffle(train)
    train.sort(key=lambda row: row["Program"] is None)  # the worked ones are among those that have a program
    held, bare = train[WORKED : WORKED + VALIDATION], train[WORKED + VALIDATION :]
    write(out / "train.jsonl", train[:WORKED] + [{**row, "Program": None} for row in bare])
    write(out / "all.jsonl", [row for row in train if row not in held])
    write(out / "validation.jsonl", [{**row, "Program": None} for row in held])
    write(out / "test.jsonl", test)
    texts = [text for row in train for text in (row["Question"], row["Program"] or "")]
    make_model([*texts, *(f"n{place}" for place in range(10))], out / "model", seed)
    for plan in HERE.glob("*.yaml"):
        (out / plan.name).write_text(plan.read_text().replace("seed: 0", f"seed: {seed}"))


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The columns that are used, in the file's order."""
    found = []
    for row in json.loads(path.read_text(encoding="utf-8")):
        numbers = numbers_of(row["question"])
        program = one_line(row["answer_cot"], numbers) if "answer_cot" in row else None
        setup = "\n".join(f"n{place} = {number:g}" for place, number in enumerate(numbers))
        test = f"assert abs(solution() - {float(row['answer_value'].replace(',', ''))}) <= 0.01"
        columns = {"Question": masked(row["question"]), "Numbers": " ".join(f"{number:g}" for number in numbers)}
        found.append({**columns, "Program": program, "Setup": setup, "Test": test})
    return found
