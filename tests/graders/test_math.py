"""math: math-verify's verdicts, from any thread and process, within a time limit."""

import gzip
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from graders import math_process
from graders.base import Grade, Sample
from graders.math import Math

ENDLESS = "$9^{9^{9^9}}$"


def grade(completion: str, reference: object, seconds: float = 5.0) -> Grade:
    return Math(seconds=seconds).grade(Sample("Solve.", completion, reference))


@pytest.mark.parametrize(
    ("completion", "reference"),
    [
        (r"So $x = \frac{2}{4}$.", r"$\frac{1}{2}$"),
        (r"\boxed{\frac{1}{2}}", "0.5"),
        (r"We tried $3$. The answer is $\sqrt{8}$.", r"2\sqrt{2}"),
        ("The answer is 1,234", "1234"),
        (r"\boxed{(x+1)^2}", "x^2+2x+1"),
        (r"$x \in \{2, 1\}$", r"$\{1,2\}$"),
        (r"$[0, 1)$", r"[0,1)"),
        ("x = 3", "3"),
        (r"\sqrt{2}", r"$\sqrt{2}$"),
        ("x^2 + 1", "1 + x^2"),
        (r"\boxed{\begin{pmatrix}1\\2\end{pmatrix}}", r"\begin{bmatrix}1\\2\end{bmatrix}"),
        ("2 and 3 make 5.\nA: 5", 5),
        ("5", ["4", "5"]),
        (r"50\%", "50"),
    ],
)
def test_equal(completion: str, reference: object) -> None:
    assert grade(completion, reference).score == 1


@pytest.mark.parametrize(
    ("completion", "reference"),
    [
        (r"\boxed{2}", "3"),
        (r"\sqrt{2}", "2"),
        ("x^2 + 1", "1"),
        ("2", r"\sqrt{2}"),
        ("no maths here", "5"),
        ("", "5"),
        (r"$\frac{1}{0}$", "5"),
        (r"\boxed{1, 2, 3}", "2"),
        ("$y=3$", "$x=3$"),
        (r"$(0,1)$", r"$[0,1]$"),
    ],
)
def test_not_equal(completion: str, reference: object) -> None:
    assert grade(completion, reference).score == 0


@pytest.mark.parametrize("reference", [None, "", "no maths", [], {"a": 1}, float("nan"), r"\frac{1}{0}"])
def test_a_reference_that_is_no_expression_is_unscored(reference: object) -> None:
    assert grade("$5$", reference).score is None


def test_the_reason_names_the_expression_that_was_read() -> None:
    result = grade(r"First $1$, so \boxed{\frac{1}{3}}", "1/2")
    assert result.extracted == r"\frac{1}{3}"
    assert result.reason == repr(r"\frac{1}{3}") + " is not '1/2'"


def test_what_cannot_be_decided_in_time_is_unscored_and_the_next_is_graded() -> None:
    grader = Math(seconds=0.5)
    started = time.perf_counter()
    samples = [Sample("", text, "5") for text in ("$5$", ENDLESS, "$6$", ENDLESS, "$5$")]
    grades = grader.grade_all(samples)
    assert [result.score for result in grades] == [1, None, 0, None, 1]
    assert "not decided in 0.5 s of computing time" in grades[1].reason
    assert time.perf_counter() - started < 20


def test_a_child_that_is_killed_meanwhile_costs_nothing() -> None:
    assert grade("$5$", "5").score == 1
    child = math_process._STATE.child
    assert child is not None
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.wait()
    assert grade("$5$", "5").score == 1


def test_a_child_that_dies_over_a_sample_leaves_it_unscored_and_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    grade("$5$", "5")
    child = math_process._STATE.child
    assert child is not None
    os.kill(child.process.pid, signal.SIGSTOP)
    receive = child.receive

    def kill_and_receive(seconds: float) -> object:
        os.kill(child.process.pid, signal.SIGKILL)
        return receive(seconds)

    monkeypatch.setattr(child, "receive", kill_and_receive)
    first, second = Math().grade_all([Sample("", "$5$", "5"), Sample("", "$5$", "5")])
    assert first.score is None
    assert "process ended (exit code -9)" in first.reason
    assert second.score == 1


def test_it_works_from_many_threads() -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda i: grade(f"$\\frac{{{2 * i}}}{{2}}$", str(i)).score, range(1, 41)))
    assert results == [1] * 40


def _grade_elsewhere(grader: Math) -> float | None:
    return grader.grade(Sample("", "$5$", "5")).score


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_it_works_in_another_process_and_survives_pickle(method: str) -> None:
    grader = pickle.loads(pickle.dumps(Math()))
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(_grade_elsewhere, (grader,)) == 1


def test_a_fork_has_a_child_of_its_own() -> None:
    code = """
import os, sys
from graders.base import Sample
from graders.math import Math
from graders import math_process
grade = lambda: Math().grade(Sample("", "$5$", "5")).score == 1
assert grade()
mine = math_process._STATE.child.process.pid
pid = os.fork()
good = grade() and (pid or math_process._STATE.child.process.pid != mine)
if pid:
    good = good and math_process._STATE.child.process.pid == mine and os.waitpid(pid, 0)[1] == 0
    sys.exit(not good)
math_process._end()
os._exit(not good)
"""
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode == 0


def test_the_child_ends_when_its_parent_is_killed() -> None:
    code = (
        "import os, signal; from graders import math_process;"
        "from graders.base import Sample; from graders.math import Math;"
        "Math().grade(Sample('', '$5$', '5')); print(math_process._STATE.child.process.pid, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        if "Z (zombie)" in Path(f"/proc/{pid}/status").read_text():
            break
        time.sleep(0.05)
    assert time.monotonic() < deadline


def test_verdicts_are_those_of_a_plain_loop() -> None:
    from math_verify import parse, verify

    texts = [
        r"\frac{1}{2}",
        "0.5",
        r"2\sqrt{3}",
        r"\sqrt{12}",
        "x^2-1",
        "(x-1)(x+1)",
        r"\{1,2\}",
        "(1,2]",
        r"50\%",
        "x=3",
        "3",
    ]
    samples = [Sample("", f"So the answer is ${answer}$.", f"${gold}$") for gold in texts for answer in texts]
    plain = [verify(parse(str(sample.reference)), parse(sample.completion)) for sample in samples]
    assert [result.score == 1 for result in Math().grade_all(samples)] == plain
    assert 11 < sum(plain) < 40


@pytest.mark.skipif("FINETUNE_ADVISOR_DATA" not in os.environ, reason="FINETUNE_ADVISOR_DATA names no folder of data")
def test_agrees_with_every_labelled_solution_of_gsm8k() -> None:
    path = Path(os.environ["FINETUNE_ADVISOR_DATA"]) / "grader-conformance-gsm8k" / "solutions.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    grades = Math().grade_all([Sample("How many?", row["solution"], row["gold"]) for row in rows])
    agree = sum((grade.score == 1) == row["is_correct"] for grade, row in zip(grades, rows, strict=True))
    assert (agree, len(rows)) == (5276, 5276)


@pytest.mark.parametrize(
    ("completion", "reference"),
    [
        ("√12", r"2\sqrt{3}"),
        ("sqrt(12)", r"2\sqrt{3}"),
        ("2*sqrt(3)", r"\sqrt{12}"),
        ("x**2+2*x+1", "(x+1)^2"),
        ("**1/2**", "0.5"),
        ("The answer is **1/2**", "0.5"),
        ("π/2", r"\frac{\pi}{2}"),
        ("pi/2", r"\frac{\pi}{2}"),
        ("3π", r"3\pi"),
        ("−1/2", r"-\frac12"),
        ("½", "1/2"),
        ("(2, ∞)", r"(2,\infty)"),
        (r"The area is $3π$.", r"3\pi"),
    ],
)
def test_plain_maths_and_signs_are_read(completion: str, reference: str) -> None:
    assert Math().grade(Sample("", completion, reference)).score == 1
    assert Math().grade(Sample("", completion, r"7\sqrt{5}")).score == 0
