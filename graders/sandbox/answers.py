"""What the processes of a run wrote, and how they ended, read into an Outcome. None of it is trusted."""

import json
import signal
from dataclasses import dataclass
from typing import Any

from graders.sandbox import runner
from graders.sandbox.jobs import HowEnded, Outcome, TestResult


@dataclass(frozen=True, slots=True)
class Ended:
    """What a slot says. codes: exit codes, of the tests last; negative for a signal. over: the limit that was broken,
    "time" or "disk", or "".
    """

    codes: list[int]
    over: str
    seconds: float


def of_call(answer: bytes, token: bytes, ended: Ended) -> Outcome:
    """The outcome of a Call; only an answer that is the token and one JSON object counts."""
    if ended.over:
        return Outcome("timed_out", error=_broken_limit(ended), seconds=ended.seconds)
    if not answer or ended.codes[-1] == runner.NOT_CONFINED:
        not_run = ended.codes[-1] == runner.NOT_CONFINED
        return Outcome("died", error=_death(ended.codes[-1]), broken=not_run, seconds=ended.seconds)
    told = _object(answer[len(token) :]) if answer.startswith(token) else {}
    if "raised" in told:
        return Outcome("raised", error=str(told["raised"]), seconds=ended.seconds)
    if "value" in told:
        return Outcome("done", value=told["value"], seconds=ended.seconds)
    return Outcome("died", error="what was written is not the function's result", seconds=ended.seconds)


def of_trial(answer: bytes, ended: Ended) -> Outcome:
    """The outcome of a Trial, from the lines of its tests' process, of which the last may be missing."""
    lines = [_object(line) for line in answer.split(b"\n")[:-1]]
    tests = [_test(line) for line in lines if "source" in line]
    last = lines[-1] if lines else {}
    if "done" in last:
        return Outcome("done", tests=tuple(tests), seconds=ended.seconds)
    if "broken" in last:
        return Outcome("raised", tests=tuple(tests), error=str(last["broken"]), broken=True, seconds=ended.seconds)
    if "raised" not in last and not ended.over:
        died = f"the tests' {_death(ended.codes[-1])}"
        return Outcome("died", tests=tuple(tests), error=died, broken=True, seconds=ended.seconds)
    error = str(last["raised"]) if "raised" in last else _broken_limit(ended)
    planned = max(int(line["planned"]) for line in [*lines, {"planned": 0}] if "planned" in line)
    not_run = [TestResult("", False, error)] * max(planned - len(tests), 0 if tests else 1)
    how: HowEnded = "raised" if "raised" in last else "timed_out"
    return Outcome(how, tests=(*tests, *not_run), error=error, seconds=ended.seconds)


def _object(line: bytes) -> dict[str, Any]:
    """A JSON object; empty where it is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _test(line: dict[str, Any]) -> TestResult:
    return TestResult(str(line["source"]), line.get("passed") is True, str(line.get("said", "")))


def _broken_limit(ended: Ended) -> str:
    return "it did not end in time" if ended.over == "time" else "it wrote more than its scratch folder holds"


def _death(code: int) -> str:
    if code == runner.NOT_CONFINED:
        return "process could not be confined"
    if code >= 0:
        return f"process ended with code {code} and no answer"
    names = {number.value: number.name for number in signal.Signals}
    return f"process was killed by {names.get(-code, f'signal {-code}')}"
