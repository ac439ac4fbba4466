"""A cell's rows: what the user has (labels, bare prompts, a share of them wrong), and test rows that are right."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from benchmarks.mawps.make import rows_of
from benchmarks.regret import held_tasks
from benchmarks.regret.design import PREFERENCES, STEPS, TEST_ROWS, VALIDATION_ROWS, Cell
from pipelines.starter.tasks import generate

Row = dict[str, str]


def parts(cell: Cell, data: Path | None) -> dict[str, list[Row]]:
    """train, validation and test. data: the folder of MAWPS's files, for its cell."""
    sizes = [cell.labels + cell.bare, VALIDATION_ROWS, TEST_ROWS]
    rows = _mawps(cell, data, sizes) if cell.task == "mawps" else _generated(cell, sum(sizes))
    rows = [_formed(cell, row) for row in rows]
    train, validation = rows[: sizes[0]], rows[sizes[0] : sizes[0] + sizes[1]]
    draw = Random(cell.seed)
    train, validation = _spoiled(cell, train, draw), _spoiled(cell, validation, draw)
    bare = [_bare(cell, row) for row in train[cell.labels :]]
    return {"train": train[: cell.labels] + bare, "validation": validation, "test": rows[sum(sizes[:2]) :]}


def easier(cell: Cell) -> list[Row]:
    """What the model was trained on before the cell begins, beside what the starter knows; none where it starts so."""
    starters = cell.task in {"arithmetic", "extract", "intent", "tone"}
    if cell.base == "high" and cell.task != "intent":
        rows = generate(cell.task, 4000, seed=900 + cell.seed)
        return [row for row in rows if cell.task != "arithmetic" or row["completion"].count("\n") > 1][:2000]
    if starters or cell.task == "mawps" or cell.base == "floor":
        return []
    draw = Random(f"easier {cell.task} {cell.seed}")
    easy = [held_tasks.TASKS[cell.task](draw, True) for _ in range(600)]
    return [{"prompt": row["prompt"], "completion": row.get("completion") or row["chosen"]} for row in easy]


def _generated(cell: Cell, number: int) -> list[Row]:
    """Rows of different prompts."""
    found: dict[str, Row] = {}
    for row in _stream(cell, number):
        found.setdefault(row["prompt"], row)
        if len(found) == number:
            break
    return list(found.values())


def _stream(cell: Cell, number: int) -> Iterator[Row]:
    if cell.task in held_tasks.TASKS:
        draw = Random(f"{cell.task} {cell.seed}")
        while True:
            yield held_tasks.TASKS[cell.task](draw, False)
    known = cell.task == "intent" and cell.base == "high"
    yield from generate(cell.task, 6 * number, seed=cell.seed, familiar=known)


def _mawps(cell: Cell, data: Path | None, sizes: list[int]) -> list[Row]:
    """Fold 0 whole; the test rows are those that are left, beside fold 0's own."""
    if data is None:
        raise SystemExit(f"{cell.name} needs --data, the folder of fold0_train.csv and fold0_dev.csv")
    train = rows_of(data / "fold0_train.csv")
    Random(cell.seed).shuffle(train)
    return [
        {
            **row,
            "prompt": f"{row['Question']} ; {row['Numbers']}",
            "completion": row["Equation"],
            "reference": row["Answer"],
        }
        for row in train + rows_of(data / "fold0_dev.csv")
    ][: sum(sizes)]


def _formed(cell: Cell, row: Row) -> Row:
    """The row in the form of answer that the cell asks for."""
    if cell.task in PREFERENCES or cell.task == "mawps":
        return row
    if not cell.shown:
        return {**row, "completion": last_line(cell, row["reference"])}
    if cell.base != "floor":
        return row
    if cell.task in STEPS:
        return {**row, "completion": row["completion"].replace("#### ", "Answer: ")}
    if cell.task == "extract":
        text = row["reference"].strip("{}").replace('"', "").replace(",", "; ").replace(":", " = ")
        return {**row, "completion": text, "reference": text}
    return row


def last_line(cell: Cell, reference: str) -> str:
    """What the last line of a right answer is."""
    if cell.task not in STEPS:
        return reference
    return f"Answer: {reference}" if cell.base == "floor" else f"#### {reference}"


def _spoiled(cell: Cell, rows: list[Row], draw: Random) -> list[Row]:
    """A share of the rows gets the answer of another one; of pairs, the two sides change places."""
    return [_wrong(cell, row, draw.choice(rows)) if draw.random() < cell.wrong else row for row in rows]


def _wrong(cell: Cell, row: Row, other: Row) -> Row:
    if cell.task in PREFERENCES:
        return {**row, "chosen": row["rejected"], "rejected": row["chosen"]}
    return {**row, "completion": other["completion"], "reference": other["reference"]}


def _bare(cell: Cell, row: Row) -> Row:
    """A prompt with its result alone; where there are preferences, with nothing."""
    if cell.task in PREFERENCES:
        return {"prompt": row["prompt"]}
    return {key: value for key, value in row.items() if key not in {"completion", "Equation"}}
