"""What graders cost beside the alternatives: same rows, one core, one run after the other.

    python -m benchmarks.graders FOLDER      (or FINETUNE_ADVISOR_DATA=FOLDER python -m benchmarks.graders)

FOLDER holds grader-conformance-gsm8k/solutions.jsonl.gz and gsm8k/test.jsonl, as published. Each line says what was
measured, both rates, their ratio and what we claim. Run it on a machine that does nothing else.
"""

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from graders.base import Grader, Sample
from graders.math import Math
from graders.numeric import Numeric
from pipelines.data.load import load_rows
from pipelines.data.spec import DataSpec
from pipelines.evals.audit import audit

_LATEX_ROWS, _RUNS, _PLAIN_RUNS, _AUDITED = 2000, 400, 60, 500


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table. ours, other: in `unit`; other is None where there is no alternative."""

    what: str
    n: int
    unit: str
    ours: float
    other: float | None
    claim: str
    holds: bool
    note: str = ""


def conformance(folder: Path) -> list[Sample]:
    """Model solutions with the reference answer."""
    with gzip.open(folder / "grader-conformance-gsm8k" / "solutions.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [Sample("", row["solution"], row["gold"], row) for row in rows]


def latex() -> list[Sample]:
    """Answers alone: fractions, roots, powers and intervals; half of them right, in another form."""
    draw = random.Random(0)
    made = []
    for place in range(_LATEX_ROWS):
        a, b, right = draw.randint(1, 40), draw.randint(2, 40), place % 2 == 0
        off = 0 if right else 1
        reference, completion = (
            (f"$\\frac{{{a}}}{{{b}}}$", f"$\\frac{{{2 * a + off}}}{{{2 * b}}}$"),
            (f"${a}\\sqrt{{{b}}}$", f"$\\sqrt{{{a * a * b + off}}}$"),
            (f"$x^2 + {a}x + {b}$", f"$x(x + {a}) + {b + off}$"),
            (f"$({a}, {a + b}]$", f"$({a}, {a + b + off}]$"),
        )[place // 2 % 4]
        made.append(Sample("", completion, reference))
    return made


def plain_math_verify(samples: Sequence[Sample]) -> list[bool]:
    """The loop that a user would write."""
    from math_verify import parse, verify

    return [bool(verify(parse(str(sample.reference)), parse(sample.completion))) for sample in samples]


def rate(work: Callable[[], object], n: int) -> float:
    """n over the seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return n / (time.perf_counter() - started)


def numeric_line(samples: Sequence[Sample]) -> Line:
    grader = Numeric()
    grader.grade_all(samples[:100])
    ours = rate(lambda: grader.grade_all(samples), len(samples))
    return Line("numeric", len(samples), "grades/s", ours, None, ">= 20,000", ours >= 20_000)


def math_line(what: str, samples: Sequence[Sample], least: float) -> Line:
    grader: Grader = Math()
    grader.grade_all(samples[:10])  # starts its process
    plain_math_verify(samples[:10])
    verdicts: dict[str, list[bool]] = {}
    ours = rate(lambda: verdicts.update(ours=[g.score == 1 for g in grader.grade_all(samples)]), len(samples))
    other = rate(lambda: verdicts.update(other=plain_math_verify(samples)), len(samples))
    differ = sum(a != b for a, b in zip(verdicts["ours"], verdicts["other"], strict=True))
    holds = ours >= least * other and not differ
    return Line(what, len(samples), "grades/s", ours, other, f">= {least} x, same verdicts", holds, f"{differ} differ")


def sandbox_lines() -> list[Line]:
    """A function called, and a function tried by tests in a process of their own, each against a fresh interpreter."""
    from graders.sandbox import Call, Trial, run

    program, tests = "def add(a, b):\n    return a + b\n", ("assert add(1, 2) == 3", "assert add(0, 0) == 0")
    calls = [Call(source=program, function="add", arguments=(number, 1)) for number in range(_RUNS)]
    trials = [Trial(program=f"{program}# {number}\n", tests=tests) for number in range(_RUNS)]
    fresh = [sys.executable, "-c", "\n".join([program, *tests])]
    run([*calls[:4], *trials[:4]])
    call, trial = rate(lambda: run(calls), _RUNS), rate(lambda: run(trials), _RUNS)
    other = rate(lambda: [subprocess.run(fresh, check=True) for _ in range(_PLAIN_RUNS)], _PLAIN_RUNS)
    return [
        Line("sandbox, one call", _RUNS, "runs/s", call, other, ">= 5 x one subprocess a run", call >= 5 * other),
        Line("sandbox, program and tests", _RUNS, "runs/s", trial, other, "faster, and apart", trial > other),
    ]


def audit_line(folder: Path) -> Line:
    rows = load_rows("gsm8k/test.jsonl", DataSpec(train="gsm8k/test.jsonl"), folder).rows[:_AUDITED]
    started = time.perf_counter()
    found = audit(Numeric(), rows)
    seconds = time.perf_counter() - started
    grades = f"{found.behaviour.num_grades:,} grades, {found.verdict}"
    return Line("audit", len(rows), "seconds", seconds, None, "<= 5 s", seconds <= 5, grades)


def table(lines: Sequence[Line]) -> str:
    head = f"{'':30}{'n':>7}  {'ours':>12}  {'other':>12}  {'ratio':>7}  {'unit':<9} claim"
    rows = [head]
    for line in lines:
        other = "-" if line.other is None else f"{line.other:,.1f}"
        ratio = "-" if line.other is None else f"{line.ours / line.other:.2f}"
        claim = f"{line.claim}: {'yes' if line.holds else 'NO'}" + (f" ({line.note})" if line.note else "")
        rows.append(f"{line.what:30}{line.n:>7,}  {line.ours:>12,.1f}  {other:>12}  {ratio:>7}  {line.unit:<9} {claim}")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Grader speeds beside the alternatives.")
    parser.add_argument("folder", nargs="?", default=os.environ.get("FINETUNE_ADVISOR_DATA"), help="The data sets.")
    folder = parser.parse_args().folder
    if folder is None or not Path(folder).is_dir():
        parser.error("name the folder of the data sets, or set FINETUNE_ADVISOR_DATA")
    solutions = conformance(Path(folder))
    lines = [
        numeric_line(solutions),
        math_line("math, worked solutions", solutions, 4),
        math_line("math, LaTeX answers alone", latex(), 1.5),
        *sandbox_lines(),
        audit_line(Path(folder)),
    ]
    print(table(lines))
    print(f"load average of the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
