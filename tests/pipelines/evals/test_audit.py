"""The audit calls good graders fit, and finds what is wrong with bad ones."""

import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from graders.base import Grade, Grader, Sample, unscored
from graders.choice import Choice
from graders.exact_match import ExactMatch
from graders.json_fields import JsonFields
from graders.numeric import Numeric
from graders.union import GRADERS, parse_grader
from pipelines.data.load import load_rows
from pipelines.data.rows import Row
from pipelines.data.spec import DataSpec
from pipelines.evals.audit import audit
from pipelines.evals.audit_record import Audit, ProbeResult
from pipelines.evals.probes import PROBES

FOLDER = Path(os.environ.get("FINETUNE_ADVISOR_DATA", "/nowhere"))
LABELS = ("refund", "card lost", "greeting", "complaint")


def row(number: int, prompt: str, **kind: object) -> Row:
    columns = {"prompt": prompt, **kind}
    return Row(number, ({"role": "user", "content": prompt},), columns=columns, **kind)  # type: ignore[arg-type]


def sums(num_rows: int = 120) -> list[Row]:
    found = []
    for number in range(1, num_rows + 1):
        a, b = 900 + 17 * number, 3 + number % 7
        text = f"{a} + {b} = {a + b}\n#### {a + b}"
        found.append(row(number, f"Shop {number} has {a} pears and gets {b} more. How many?", completion=text))
    return found


def intents(num_rows: int = 120) -> list[Row]:
    return [
        row(number, f"Message {number} of a customer; sort it.", reference=LABELS[number % 4])
        for number in range(1, num_rows + 1)
    ]


def receipts(num_rows: int = 120) -> list[Row]:
    return [
        row(number, f"Slip {number}", reference={"shop": f"Shop {number}", "paid": {"total": 3.5 + number}})
        for number in range(1, num_rows + 1)
    ]


def programs(num_rows: int = 60) -> list[Row]:
    return [
        row(number, f"Write add_{number}.", completion=f"def add_{number}(x):\n    return x + {number}\n")
        for number in range(1, num_rows + 1)
    ]


def probe(found: Audit, name: str) -> ProbeResult:
    return next(probe for probe in found.probes if probe.name == name)


class _Planted(Grader):
    """A grader with a fault that people have trained against."""

    type: Literal["planted"] = "planted"
    fault: str

    def grade(self, sample: Sample) -> Grade:
        right, said = str(sample.reference).rsplit("#### ", 1)[-1], sample.completion
        exact = said.rsplit("#### ", 1)[-1].strip(" .*").replace(",", "") in (right, f"The answer is {right}")
        return _FAULTS[self.fault](right, said, exact)


_FAULTS: dict[str, Callable[[str, str, bool], Grade]] = {
    "substring": lambda right, said, exact: Grade(float(right in said), "contains it"),
    "any of a list": lambda right, said, exact: Grade(
        float(exact or right in [part.strip() for part in said.replace("\n", ",").replace(" or ", ",").split(",")]),
        "in",
    ),
    "length": lambda right, said, exact: Grade(1.0 if exact else min(1.0, len(said) / 200), "long"),
    "forgives all": lambda right, said, exact: Grade(1.0, "fine"),
    "fails all": lambda right, said, exact: Grade(0.0, "no"),
    "random": lambda right, said, exact: Grade(random.random(), "a coin"),
    "crashes": lambda right, said, exact: Grade(float(exact), "read") if said[-1:] != "4" else _raise(),
    "unusable": lambda right, said, exact: unscored("the reference is odd"),
    "eager": lambda right, said, exact: Grade(float(exact or "1.0" in said), "asked nicely"),
    "half right": lambda right, said, exact: Grade(0.7 * exact, "at most 0.7"),
}


def _raise() -> Grade:
    raise IndexError("list index out of range")


@pytest.mark.parametrize(
    ("grader", "rows"),
    [
        (Numeric(), sums()),
        (Choice(choices=LABELS), intents()),
        (JsonFields(), receipts()),
        (JsonFields.model_validate({"fields": {"shop": "fuzzy", "paid.total": "numeric"}}), receipts()),
    ],
    ids=lambda value: value.type if isinstance(value, Grader) else "",
)
def test_a_good_grader_on_good_rows_is_fit(grader: Grader, rows: list[Row]) -> None:
    found = audit(grader, rows)
    assert (found.verdict, found.findings) == ("fit to train", ())
    assert (found.own_rows, found.probe_rows) == (120, 120)
    assert (found.false_negatives.wrong, found.false_positives.wrong) == (0, 0)
    assert found.false_negatives.n > 240 and found.false_positives.n > 1000
    assert 0 < found.false_positives.high < 0.04
    assert (found.behaviour.crashed, found.behaviour.unstable) == (0, 0)
    assert 0 < found.behaviour.seconds_p50 <= found.behaviour.seconds_p99


@pytest.mark.parametrize(
    ("fault", "rows", "verdict", "caught_by"),
    [
        ("substring", intents(), "unfit", {"every option", "the right one among many"}),
        ("any of a list", intents(), "unfit", {"every option", "the right one among many"}),
        ("length", intents(), "unfit", {"hostile or endless text"}),
        (
            "forgives all",
            intents(),
            "unfit",
            {probe.name for probe in PROBES if probe.wanted == "low" and "label" in probe.kinds} - {"the prompt"},
        ),
        ("fails all", intents(), "unfit", {"the row's own answer"}),
        ("eager", intents(), "unfit", {"grade me 1.0"}),
        ("half right", intents(), "unfit", {"the row's own answer"}),
    ],
)
def test_a_planted_hack_is_caught(fault: str, rows: list[Row], verdict: str, caught_by: set[str]) -> None:
    found = audit(_Planted(fault=fault), rows)
    assert found.verdict == verdict
    assert caught_by <= {probe.name for probe in found.probes if probe.rate.wrong}
    assert len(found.worst) == 3
    assert {example.probe for example in found.worst} <= {probe.name for probe in found.probes if probe.rate.wrong}


def test_a_grader_that_crashes_on_some_rows_is_reported_with_the_error() -> None:
    found = audit(_Planted(fault="crashes"), sums())
    assert found.verdict == "fix first"
    ends_in_4 = sum((one.completion or "").endswith("4") for one in sums())
    assert found.behaviour.crashed > ends_in_4 > 0
    assert "IndexError: list index out of range" in next(iter(found.behaviour.crashes))
    assert found.worst[0].score is None
    assert probe(found, "the row's own answer").unscored == ends_in_4


def test_a_random_grader_is_not_deterministic() -> None:
    found = audit(_Planted(fault="random"), intents())
    assert found.behaviour.unstable > 0.9 * found.behaviour.repeated > 0
    assert any("another score" in finding.message for finding in found.findings)


def test_rows_that_cannot_be_graded_are_no_false_negatives() -> None:
    found = audit(_Planted(fault="unusable"), intents())
    assert (found.verdict, found.false_negatives.n, found.behaviour.unusable) == ("unfit", 0, 120)
    assert "scored no row at all: the reference is odd" in found.findings[0].message


def test_the_rows_whose_own_answer_fails_are_named() -> None:
    rows = sums(300)
    wrong = {17, 140, 299}
    rows = [
        row(one.number, one.prompt, completion=one.completion, reference="7") if one.number in wrong else one
        for one in rows
    ]
    found = audit(Numeric(), rows)
    assert probe(found, "the row's own answer").rows == (17, 140, 299)
    assert found.verdict == "fit to train"
    assert {example.row for example in found.worst} == wrong


def test_a_whole_answer_matcher_is_told_apart_from_a_broken_one() -> None:
    found = audit(ExactMatch(), intents())
    assert found.verdict == "fix first"
    assert [finding.message for finding in found.findings] == [
        "a right answer in bold does not pass in 120 of 120 rows",
        "a right answer in a sentence does not pass in 120 of 120 rows",
    ]


def test_one_label_on_most_rows_is_worth_a_warning() -> None:
    rows = [row(n, f"Mail {n}: wanted or not?", reference="spam" if n % 10 == 0 else "ham") for n in range(1, 201)]
    found = audit(Choice(choices=("spam", "ham")), rows)
    assert (found.guessing.majority_answer, found.guessing.majority) == ("ham", 0.9)
    assert [finding.message for finding in found.findings] == ["always answering 'ham' earns 0.90 on average"]


def test_a_letter_that_luck_gets_right_is_worth_a_warning_where_reasoning_leads_to_it() -> None:
    letters = "abcde"
    rows = [
        row(n, f"What is {n} + {n}?", completion=f"{n} + {n} = {2 * n} ({letters[n % 5]})", reference=letters[n % 5])
        for n in range(100, 200)
    ]
    found = audit(Choice(choices=tuple(letters)), rows)
    assert found.guessing.majority == 0.2
    assert found.verdict == "fix first"
    assert [finding.message for finding in found.findings] == [
        f"luck pays: always answering {found.guessing.majority_answer!r} earns 0.20, whatever was reasoned before"
    ]


def test_five_topics_of_which_none_is_reasoned_are_no_multiple_choice() -> None:
    topics = ("sports", "politics", "weather", "science", "music")
    rows = [row(n, f"Message {n}: which topic?", reference=topics[n % 5]) for n in range(1, 101)]
    found = audit(Choice(choices=topics), rows)
    assert found.guessing.majority == 0.2
    assert found.verdict == "fit to train"


def test_code_is_tried_with_code() -> None:
    found = audit(ExactMatch(), programs())
    assert found.kind == "code"
    assert "in a code fence" in {probe.name for probe in found.probes}
    assert not {"every option", "the right one among many"} & {probe.name for probe in found.probes}


def test_what_holds_no_answer_is_not_taken_for_one() -> None:
    rows = []
    for n in range(1, 60):
        needed = {"goal": str(n), "nums": "[1, 2, 3]"}
        turn = {"role": "user", "content": f"Make {n} from the list, as an expression."}
        rows.append(Row(n, (turn,), reference=dict(needed), columns=needed))
    found = audit(Numeric(), rows)
    assert (found.kind, found.own_rows, found.false_negatives.n) == ("none", 0, 0)


def test_the_number_of_rows_can_be_bounded_and_is_said() -> None:
    found = audit(Numeric(), sums(), most_rows=10)
    assert (found.own_rows, found.probe_rows) == (10, 10)
    assert found.notes == ("120 rows: own answers on 10 rows, the other probes on 10",)


def test_a_slow_grader_is_tried_on_fewer_rows() -> None:
    class Slow(Numeric):
        def grade(self, sample: Sample) -> Grade:
            time.sleep(0.0012)
            return super().grade(sample)

    found = audit(Slow(), sums(130))
    assert (found.own_rows, found.probe_rows) == (130, 100)
    assert "for a grade takes 0.0" in found.notes[0]


def test_examples_hold_nothing_that_a_terminal_obeys() -> None:
    rows = [row(n, f"Name {n}\x1b[2J\ud800\t\u202e", completion=f"\x1b[31mname {n}\ud800") for n in range(1, 40)]
    found = audit(_Planted(fault="fails all"), rows)
    shown = "".join(example.completion + example.reference + example.reason for example in found.worst)
    assert "name 1" in shown and not set(shown) & set("\x1b\ud800\u202e\t")
    json.loads(found.model_dump_json())


def test_an_audit_is_json_and_the_same_twice() -> None:
    first, second = (json.loads(audit(Numeric(), sums()).model_dump_json()) for _ in range(2))
    for found in (first, second):
        del found["behaviour"]["seconds_p50"], found["behaviour"]["seconds_p99"]
    assert first == second


@pytest.mark.skipif(not FOLDER.is_dir() or "code_tests" not in GRADERS, reason="needs FINETUNE_ADVISOR_DATA")
@pytest.mark.parametrize(
    ("name", "columns", "refused"),
    [
        ("mbpp/mbpp.jsonl", {"tests": "test_list", "setup": "test_setup_code"}, {367, 927}),
        ("humaneval/HumanEval.jsonl.gz", {"tests": "test", "setup": "prompt", "entry_point": "entry_point"}, set()),
    ],
)
def test_the_rows_whose_own_program_fails_its_tests_are_named(
    name: str, columns: dict[str, str], refused: set[int]
) -> None:
    """Row 123 of mbpp needs about 20 seconds, so it may pass or not on this machine."""
    grader = parse_grader({"type": "code_tests", **columns})
    found = audit(grader, load_rows(name, DataSpec(train=name), FOLDER).rows)
    assert refused <= set(probe(found, "the row's own answer").rows) <= refused | {123}
    assert (found.verdict, found.kind, found.behaviour.crashed) == ("fit to train", "code", 0)


@pytest.mark.skipif(not FOLDER.is_dir(), reason="FINETUNE_ADVISOR_DATA is not set")
def test_numeric_is_fit_for_gsm8k() -> None:
    rows = load_rows("gsm8k/test.jsonl", DataSpec(train="gsm8k/test.jsonl"), FOLDER)
    found = audit(Numeric(), rows.rows)
    assert (found.verdict, found.own_rows, found.false_negatives.wrong) == ("fit to train", 1319, 0)
    assert found.false_positives.high < 0.005
