"""Runs the cells and says what following each advice would have cost: `python -m benchmarks.regret --out DIR`.

Each finished cell leaves benchmarks/regret/results/CELL.json, from which the table is made; a cell that has one is not
run again. --data: the folder of MAWPS's fold 0, for its one cell. --table: of what is there, without running.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.regret.cell import Result, run
from benchmarks.regret.design import HELD, OPEN, Cell
from benchmarks.regret.table import table

RESULTS = Path(__file__).with_name("results")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("regret-run"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--held", action="store_true", help="The eight cells that are opened once.")
    parser.add_argument("--cells", nargs="+", help="Only these.")
    parser.add_argument("--table", action="store_true", help="Run nothing.")
    options = parser.parse_args()
    cells = HELD if options.held else OPEN
    wanted = [cell for cell in cells if options.cells is None or cell.name in options.cells]
    for cell in () if options.table else wanted:
        if not path_of(cell).exists():
            keep(run(cell, options.out, options.data), path_of(cell))
    print(table([(cell, load(path_of(cell))) for cell in wanted if path_of(cell).exists()]))


def path_of(cell: Cell) -> Path:
    return RESULTS / f"{cell.name}.json"


def keep(result: Result, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(result), indent=1) + "\n")


def load(path: Path) -> Result:
    found = json.loads(path.read_text())
    return Result(**{**found, "n": tuple(found["n"])})


if __name__ == "__main__":
    main()
