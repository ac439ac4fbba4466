"""A run's stages and gates as JUnit XML, which CI services show as tests.

A suite a run; a case a stage, and one for each bound of a gate, which fails where the gate is shut because of it and is
skipped where --allow-gate let it pass. A stage that did not run is skipped; the one that failed is an error.
"""

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pipelines.files import write_text
from pipelines.gate_file import Check, Judgement, kept
from pipelines.state import Step


def write_junit(path: Path, name: str, todo: Sequence[Step], error: str | None) -> None:
    """error: what the first stage that is not done failed with, or None."""
    suites = Element("testsuites")
    suite = SubElement(suites, "testsuite", name=name)
    failing = next((step for step in todo if step.record() is None), None) if error else None
    for step in todo:
        _stage(suite, step, error if step is failing else None)
    cases = list(suite)
    kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    suite.set("tests", str(len(cases)))
    for counted, tag in kinds.items():
        suite.set(counted, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.1f}")
    indent(suites)
    write_text(
        path, '<?xml version="1.0" encoding="UTF-8"?>\n' + _xml_text(tostring(suites, encoding="unicode")) + "\n"
    )


def _stage(suite: Element, step: Step, error: str | None) -> None:
    record = step.record()
    seconds = f"{record.seconds:.1f}" if record else "0"
    case = SubElement(suite, "testcase", classname=f"stage.{step.stage.type}", name=step.stage.name, time=seconds)
    if error is not None:
        SubElement(case, "error", message=error.splitlines()[0]).text = error
    elif record is None:
        SubElement(case, "skipped", message="it did not run")
    judged = kept(step) if record else None
    for check in judged.checks if judged else ():
        _check(suite, step, judged, check)


def _check(suite: Element, step: Step, judged: Judgement | None, check: Check) -> None:
    case = SubElement(suite, "testcase", classname=f"gate.{step.stage.name}", name=check.name, time="0")
    if check.passed:
        SubElement(case, "system-out").text = check.said
    elif judged is not None and judged.allowed:
        SubElement(case, "skipped", message=f"allowed by --allow-gate: {check.said}")
    else:
        SubElement(case, "failure", message=check.said).text = judged.refusal if judged else check.said


def _xml_text(text: str) -> str:
    """Without the control characters that XML 1.0 has no form for; a model may write any of them."""
    return "".join(letter for letter in text if letter >= " " or letter in "\n\r\t")
