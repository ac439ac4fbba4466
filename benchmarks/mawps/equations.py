"""Of the guessable version, how many equations are right: `python -m benchmarks.mawps.equations DIR/0`.

In: a folder in which choices.yaml ran. Out: for each model the shares of test answers with the right letter and with
an equation of the right value, each with its paired difference to SFT, and how many right letters have a wrong one.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.mawps.grade import value
from graders.statistics import paired_bootstrap


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    rows = _lines(folder / "choices" / "test.jsonl")
    done = sorted(folder.glob("runs/choices/stages/after_*/grades.jsonl"), key=lambda path: path.stat().st_mtime)
    first: dict[str, list[float]] = {}
    for path in done:
        graded = _lines(path)
        right = {
            "letter": [float(bool(one["passed"])) for one in graded],
            "equation": [float(_reached(one["completion"], rows[one["index"] - 1])) for one in graded],
        }
        first = first or right
        lucky = sum(a > b for a, b in zip(*right.values(), strict=True))
        said = [f"{name} {_share(found)}{_change(first[name], found)}" for name, found in right.items()]
        print(f"{path.parent.name}: {', '.join(said)}, {lucky} right letters behind a wrong equation")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _reached(answer: str, row: dict[str, Any]) -> bool:
    found = value(answer.lower().split("(")[0].split(), [float(number) for number in row["Numbers"].split()])
    return found is not None and abs(found - float(row["Answer"])) <= 0.01


def _share(found: list[float]) -> str:
    return f"{100 * sum(found) / len(found):.1f} %"


def _change(before: list[float], after: list[float]) -> str:
    if before is after:
        return ""
    changes = [100 * (new - old) for old, new in zip(before, after, strict=True)]
    interval = paired_bootstrap(changes, range(len(changes)))
    return f" ({sum(changes) / len(changes):+.1f} [{interval.low:+.1f}, {interval.high:+.1f}])"


if __name__ == "__main__":
    main()
