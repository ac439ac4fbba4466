"""code_tests: the completion is a Python program that unit tests are run against, with credit for each that passes.

In: a completion with code (the last ``` block that is marked as Python or as nothing, else all of it); tests from the
reference or a column: a text, or a list of texts, of asserts, `test_…` functions, TestCases, or a function
`check(candidate)` that is called with `entry_point` (HumanEval). Out: the share of tests that pass. Each assert counts
by itself; one that runs several times passes when it passes each time. Code that fails or takes too long scores 0.
The program and its tests run in processes of their own, in the sandbox: see graders/sandbox, also for its limits.
Names of Python's own and of modules are the tests' own, not the program's; what the program prints is not read.
Limits: tests may hand the program plain data, functions, iterators, and objects of classes that they or it define at
the top level; a test that hands over anything else (an open file) leaves the row unscored. async tests do not run.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from graders.base import Grade, Grader, Sample, unscored
from graders.sandbox import Limits, Outcome, Trial, layers
from graders.sandbox import run as run_jobs

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([^\s`]*)[^\n]*$", re.MULTILINE)
_PYTHON = {"", "python", "py", "python3"}
_FUTURE = re.compile(r"^from __future__ import [^\n]*\n?", re.MULTILINE)


class CodeTests(Grader):
    """The share of unit tests that the completion's code passes."""

    type: Literal["code_tests"] = "code_tests"
    tests: str | None = Field(None, description="Column with the tests: a text or a list of them. None: the reference.")
    setup: str | None = Field(
        None, description="Column with code that comes before the completion's, such as HumanEval's prompt."
    )
    entry_point: str | None = Field(
        None, description="Column with the name that the tests' check(candidate) is called with."
    )
    timeout_seconds: float = Field(10.0, gt=0, le=600, description="For the program and all its tests together.")
    memory_mib: int = Field(512, ge=64, le=65536, description="What the program may use, imports included.")
    sandbox: Literal["required", "none"] = Field(
        "required", description="none runs the code unguarded where this machine cannot confine it."
    )

    def guards(self) -> tuple[str, ...]:
        """What confines programs and tests."""
        return layers(self.sandbox == "required")

    def grade(self, sample: Sample) -> Grade:
        return self.grade_all([sample])[0]

    def grade_all(self, samples: Sequence[Sample]) -> list[Grade]:
        """Runs samples side by side. Raises UserError where this machine has no sandbox."""
        trials = [self._trial(sample) for sample in samples]
        outcomes = iter(run_jobs([trial for trial in trials if isinstance(trial, Trial)]))
        return [_graded(trial.program, next(outcomes)) if isinstance(trial, Trial) else trial for trial in trials]

    def _trial(self, sample: Sample) -> Trial | Grade:
        try:
            tests = _texts(sample.reference if self.tests is None else _column(sample.row, self.tests))
            setup = "" if self.setup is None else "\n".join(_texts(_column(sample.row, self.setup)))
            entry_point = "" if self.entry_point is None else str(_column(sample.row, self.entry_point)).strip()
        except ValueError as error:
            return unscored(str(error), "invalid_variable_error")
        if not any(text.strip() for text in tests):
            return unscored("the row has no tests")
        code = code_of(sample.completion)
        if not code.strip():
            return Grade(0.0, "no code in the completion")
        if _jams_the_parser(code):
            return Grade(0.0, "the code is no Python: it piles combining marks on a letter", code[:1000])
        limits = Limits(self.timeout_seconds, self.memory_mib, self.sandbox == "required")
        return Trial(_future_first(setup, code), tuple(tests), entry_point, limits)


def code_of(completion: str) -> str:
    """The last ``` block that is Python, closed or not; all of the text when there is none."""
    opened: re.Match[str] | None = None
    found = None
    for fence in _FENCE.finditer(completion):
        if opened is None:
            opened = fence
        elif fence[1][:3] == opened[1][:3] and not fence[2] and len(fence[1]) >= len(opened[1]):
            if opened[2].lower() in _PYTHON:
                found = completion[opened.end() + 1 : fence.start()]
            opened = None
    if opened is not None and opened[2].lower() in _PYTHON and (found is None or opened[2]):
        found = completion[opened.end() + 1 :]
    return completion if found is None else found


def _jams_the_parser(code: str) -> bool:
    """Whether Python would take the square of its length to read it: it sorts the marks that follow a letter."""
    runs = () if code.isascii() else re.findall(r"[^\x00-\x7f]{1000,}", code)
    marked = ("".join("x" if unicodedata.combining(letter) else " " for letter in run) for run in runs)
    return any("x" * 1000 in marks for marks in marked)


def _future_first(setup: str, code: str) -> str:
    """Both, with the imports that Python wants before all others first."""
    both = f"{setup}\n{code}" if setup else code
    future = _FUTURE.findall(both)
    return "".join(line.rstrip("\n") + "\n" for line in future) + _FUTURE.sub("\n", both) if future else both


def _column(row: Mapping[str, Any], name: str) -> object:
    if name not in row:
        raise ValueError(f"the row has no column {name!r}")
    return row[name]


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"tests are a text or a list of texts, not {type(value).__name__}")
    return list(texts)


def _graded(program: str, outcome: Outcome) -> Grade:
    extracted = program[:1000]
    if outcome.broken:
        return Grade(None, f"the tests cannot be run: {outcome.error}", extracted, errors=("other_error",))
    if not outcome.tests:
        if outcome.ended == "done":
            return Grade(None, "no test calls the code", extracted)
        return Grade(0.0, f"the code fails: {outcome.error}", extracted)
    passed = sum(test.passed for test in outcome.tests)
    score = passed / len(outcome.tests)
    said = f"{passed} of {len(outcome.tests)} tests pass"
    failed = next((test for test in outcome.tests if not test.passed), None)
    if outcome.error:
        said += f"; the code fails: {outcome.error}"
    elif failed is not None:
        said += f"; first failure: {failed.source[:200]}: {failed.said}"
    return Grade(score, said, extracted, raw=float(passed))
