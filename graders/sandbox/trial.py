"""The process of the tests: runs them against the program, which lives in another process, and reports each result.

The results go out as one JSON object a line: {"planned": n}, then each test's, then {"done": true}; {"raised": …} when
the program did not run, {"broken": …} when the tests cannot be run. What comes after the last line that fits is lost
with the process, and the parent counts the rest as not passed.
"""

import importlib
import json
import os
import re
import types
from collections.abc import Callable
from functools import partial
from typing import Any

from graders.sandbox import instrument
from graders.sandbox.instrument import RECORDER, Unit
from graders.sandbox.link import Link, LinkClosed, LinkTimeout, Unreadable
from graders.sandbox.remote import CannotHandOver, ProgramError, Session

_MAX_SAID = 300
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class _Noted(AssertionError):
    """An assert that was noted as failed, and goes on to whatever waits for it."""


class Recorder:
    """What the asserts of one unit said. A test that runs several times passes when it passes each time."""

    def __init__(self) -> None:
        self.said: dict[int, str] = {}

    def equal(self, number: int, left: Any, right: Any) -> None:
        """Notes whether left == right."""
        passed = bool(left == right)
        self._note(number, "" if passed else f"got {_shown(left)}, expected {_shown(right)}")

    def true(self, number: int, value: Any) -> None:
        """Notes whether value is true."""
        self._note(number, "" if value else "it is false")

    def strict(self, number: int, value: Any) -> None:
        """Notes whether value is true, and raises AssertionError where it is not."""
        self.true(number, value)
        if not value:
            raise _Noted("it is false")

    def failed(self, number: int, error: Exception) -> None:
        """Notes that it raised."""
        self._note(number, describe(error))

    def _note(self, number: int, said: str) -> None:
        if not self.said.get(number):
            self.said[number] = said


class Report:
    """Lines to the parent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def line(self, **fields: Any) -> None:
        """Writes one, whole."""
        payload = json.dumps(fields).encode("ascii") + b"\n"
        while payload:
            payload = payload[os.write(self._descriptor, payload) :]

    def result(self, source: str, said: str) -> None:
        """One test; it passed when nothing is said."""
        self.line(source=source[:_MAX_SAID], passed=not said, said=_ADDRESS.sub("", said)[:_MAX_SAID])


def run(link: Link, report: Report, texts: list[str], entry_point: str) -> None:
    """All of this process's work."""
    try:
        units = instrument.units(texts, entry_point)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        report.line(broken=f"the tests are no Python: {describe(error)}")
        return
    report.line(planned=sum(len(unit.asserts) for unit in units))
    session = Session(link)
    try:
        namespace = _namespace(session, units, entry_point)
        for unit in units:
            _run_unit(unit, namespace, session, report, entry_point)
            if session.fault:
                report.line(broken=session.fault)
                return
    except ProgramError as error:
        report.line(raised=str(error))
    except LinkTimeout:
        report.line(raised="the code did not end in time")
    except LinkClosed:
        report.line(raised="the code's process ended: os._exit, a crash, or out of memory")
    except (Unreadable, ImportError) as error:
        report.line(raised=str(error))
    else:
        report.line(done=True)


def _namespace(session: Session, units: list[Unit], entry_point: str) -> dict[str, Any]:
    exports = session.start("\n".join(unit.classes for unit in units))
    names, modules = instrument.borrowed(units, entry_point, exports)
    module = types.ModuleType("tests")
    namespace = vars(module)
    namespace.update({name: importlib.import_module(instrument.module_named(name)) for name in modules})
    classes = instrument.used_as_classes(units, names, entry_point)
    namespace.update({name: session.get(name, name in classes) for name in names})
    return namespace


def _run_unit(unit: Unit, namespace: dict[str, Any], session: Session, report: Report, entry_point: str) -> None:
    recorder = namespace[RECORDER] = Recorder()
    known = set(namespace)
    calls = session.calls
    failures = {"": _guarded(partial(exec, unit.code or "", namespace))}
    for name in [] if failures[""] else unit.functions:
        failures[name] = _guarded(partial(_call, name, namespace, entry_point))
    told = set()
    for number, source in unit.asserts.items():
        owner = unit.owners[number]
        failure = failures[""] or failures.get(owner)
        if number in recorder.said:
            report.result(source, recorder.said[number])
        elif failure:
            report.result(source, describe(failure))
            told.add(failure)
    cases = _run_cases(
        {name for name in set(namespace) - known if isinstance(namespace[name], type)}, namespace, report
    )
    # What failed beside the asserts: a call, or numpy.testing's own kind of assert.
    untold = [failure for failure in failures.values() if failure and failure not in told]
    for failure in untold:
        if not isinstance(failure, _Noted):
            report.result(unit.first_line(), describe(failure))
    if not recorder.said and not told and not untold and not cases and session.calls > calls:
        report.result(unit.first_line(), "no assert was reached" if unit.sure else "")


def _call(name: str, namespace: dict[str, Any], entry_point: str) -> None:
    if name == "check" and entry_point:
        namespace[name](eval(entry_point, namespace))
    elif name != "check":
        namespace[name]()


def _guarded(do: Callable[[], Any]) -> BaseException | None:
    """What it raised; None when nothing."""
    try:
        do()
    except (Exception, SystemExit, LinkTimeout, LinkClosed, CannotHandOver) as error:  # noqa: BLE001 - a test's result
        return error
    return None


def _run_cases(names: set[str], namespace: dict[str, Any], report: Report) -> int:
    """Runs the methods of each new TestCase; how many there were."""
    if not names:
        return 0
    import unittest

    count = 0
    for name in sorted(names):
        kind = namespace[name]
        if not (isinstance(kind, type) and issubclass(kind, unittest.TestCase) and kind.__module__ == "tests"):
            continue
        cases = [kind(method) for method in unittest.defaultTestLoader.getTestCaseNames(kind)]
        result = unittest.TestResult()
        unittest.TestSuite(cases).run(result)
        failed = {str(getattr(case, "test_case", case)): trace for case, trace in result.failures + result.errors}
        whole = next((trace for case, trace in result.errors if not isinstance(case, unittest.TestCase)), "")
        skipped = {str(case) for case, _ in result.skipped}
        for case in cases:
            if str(case) not in skipped:
                trace = failed.get(str(case), whole)
                report.result(f"{name}.{case._testMethodName}", trace.strip().rsplit("\n", 1)[-1])
                count += 1
    return count


def describe(error: BaseException) -> str:
    """One line: the error, and the line of the program that raised it where one is known."""
    if isinstance(error, LinkTimeout | LinkClosed):
        return "not done in time" if isinstance(error, LinkTimeout) else "the code's process ended"
    notes = [note for note in getattr(error, "__notes__", ()) if isinstance(note, str)]
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")[:_MAX_SAID] + "".join(
        f" ({note})" for note in notes[:1]
    )


def _shown(value: Any) -> str:
    try:
        text = repr(value)[:10_000]
    except Exception as error:  # noqa: BLE001 - it is only shown
        return f"a value that cannot be shown ({type(error).__name__})"
    text = _ADDRESS.sub("", text)  # the same answer is told in the same words each time
    return text if len(text) <= 80 else text[:79] + "…"
