"""Every grader keeps the contract; and the contract finds graders that do not."""

import json
import time
from typing import ClassVar, Literal

import pytest

from graders.base import Grade, Grader, Sample
from graders.choice import Choice
from graders.code_tests import CodeTests
from graders.contract import check_contract, hostile_texts
from graders.exact_match import ExactMatch
from graders.json_fields import JsonFields
from graders.numeric import Numeric
from graders.python import Python
from graders.similarity import Similarity
from graders.union import GRADERS, parse_grader

CITIES = [Sample(f"Capital of {land}?", city, city) for land, city in (("Peru", "Lima"), ("Chad", "N'Djamena"))]
SUMS = [
    Sample(f"What is {a} plus {b}?", f"{a} + {b} = {a + b}\n#### {a + b}", f"{a + b}") for a, b in ((2, 3), (40, 2))
]
INTENTS = [
    Sample(f"{text} (refund, card lost or greeting)", label, label)
    for text, label in (("Money back!", "refund"), ("Where is my card?", "card lost"), ("Hello.", "greeting"))
]
LETTERS = [Sample(f"Pick: A) one B) two C) three. {i}", f"The answer is {c}.", c) for i, c in enumerate("ABCB")]
RECEIPTS = [
    Sample(f"{shop} took {total}", f'{{"shop": "{shop}", "total": {total}}}', {"shop": shop, "total": total})
    for shop, total in (("Olive Ltd", 3.5), ("Nordwind", 12))
]
CARDS = [
    Sample(f"Who is {name} of {city}?", json.dumps({"name": name, "city": city}), row={"name": name, "city": city})
    for name, city in (("Ada", "Lima"), ("Bo", "N'Djamena"), ("Cy", "Oslo"))
]

PROGRAMS = [
    Sample(
        f"Write {name}(x), which gives {what}.",
        f"Here it is:\n```python\ndef {name}(x):\n    return {code}\n```",
        [f"assert {name}({x}) == {eval(code, {'x': x})}" for x in (1, 5)],
    )
    for name, what, code in (("twice", "double", "2 * x"), ("square", "its square", "x * x"))
]
SAME_CARD = """
def grade(sample, item):
    answer = sample["output_json"]
    return sum(answer.get(key) == item[key] for key in ("name", "city")) / 2
"""


def same(field: str, column: str) -> dict[str, str]:
    """OpenAI's string_check of a field of the output's JSON."""
    templates = {"input": f"{{{{sample.output_json.{field}}}}}", "reference": f"{{{{item.{column}}}}}"}
    return {"type": "string_check", "operation": "eq", **templates}


ALIKE = {
    "type": "text_similarity",
    "input": "{{sample.output_json}}",
    "reference": '{"name": "{{item.name}}", "city": "{{item.city}}"}',
    "evaluation_metric": "fuzzy_match",
}
CASES: list[tuple[Grader, list[Sample]]] = [
    (ExactMatch(), CITIES),
    (ExactMatch(ignore_case=False, ignore_space=False, ignore_punctuation=True), CITIES),
    (Numeric(), SUMS),
    (Numeric(parsed_credit=0.1, abs_tolerance=0.01), SUMS),
    (Choice(choices=("refund", "card lost", "greeting")), INTENTS),
    (Choice(where="whole"), INTENTS),
    (Choice(choices=("A", "B", "C")), LETTERS),
    (JsonFields(), RECEIPTS),
    (JsonFields.model_validate({"fields": {"shop": "fuzzy", "total": "numeric"}}), RECEIPTS),
    (CodeTests(), PROGRAMS),
    (Python(source=SAME_CARD), CARDS),
    (Similarity(), CITIES),
    (Similarity(metric="fuzzy_match"), INTENTS),
    (Similarity(metric="meteor"), CITIES),
    (parse_grader(same("name", "name")), CARDS),
    (parse_grader(ALIKE), CARDS),
    (
        parse_grader(
            {
                "type": "multi",
                "graders": {"name": same("name", "name"), "city": same("city", "city")},
                "calculate_output": "(name + city) / 2",
            }
        ),
        CARDS,
    ),
]


@pytest.mark.parametrize(("grader", "samples"), CASES, ids=lambda value: type(value).__name__)
def test_each_grader_keeps_the_contract(grader: Grader, samples: list[Sample]) -> None:
    assert check_contract(grader, samples) == []


def test_every_grader_of_the_union_is_in_the_cases() -> None:
    assert {type(grader) for grader, _ in CASES} == set(GRADERS.values())


@pytest.mark.parametrize("grader", [grader for grader, _ in CASES], ids=lambda grader: type(grader).__name__)
def test_hostile_text_takes_little_time(grader: Grader) -> None:
    reference = {"shop": "Nordwind", "total": 5} if isinstance(grader, JsonFields) else "5"
    for name, text in hostile_texts().items():
        started = time.perf_counter()
        grader.grade(Sample("How many?", text, reference))
        assert time.perf_counter() - started < 2, name


class _Broken(Grader):
    type: Literal["broken"] = "broken"
    fault: str

    def grade(self, sample: Sample) -> Grade:
        reference = str(sample.reference)
        match self.fault:
            case "passes everything":
                return Grade(1.0, "always")
            case "fails everything":
                return Grade(0.0, "never")
            case "substring":
                return Grade(float(reference in sample.completion), "contains it")
            case "raises":
                return Grade(float(sample.completion.index(reference) >= 0), "found")
            case "beyond 1":
                return Grade(5.0 * (sample.completion == reference), "five points")
            case "unsteady":
                return Grade(float(sample.completion == reference), f"at {time.perf_counter_ns()}")
        raise AssertionError(self.fault)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("passes everything", "another row's answer does not pass"),
        ("passes everything", "an empty answer or a refusal does not pass"),
        ("passes everything", "hostile text does not pass"),
        ("fails everything", "the right answer scores 1"),
        ("substring", "a list of all answers does not pass"),
        ("substring", "the prompt does not pass as answer"),
        ("raises", "never raises"),
        ("beyond 1", "scores lie in [0, 1]"),
        ("unsteady", "the same sample gets the same grade"),
    ],
)
def test_the_contract_finds_a_grader_that(fault: str, check: str) -> None:
    failures = check_contract(_Broken(fault=fault), INTENTS)
    assert check in {failure.check for failure in failures}


class _NoReference(_Broken):
    needs_reference: ClassVar[bool] = False


def test_a_grader_that_needs_no_reference_may_pass_any_text_but_must_keep_the_rest() -> None:
    assert check_contract(_NoReference(fault="passes everything"), INTENTS) == []
    [failure] = check_contract(_NoReference(fault="raises"), INTENTS)
    assert failure.check == "never raises"
    [failure] = check_contract(_NoReference(fault="fails everything"), INTENTS)
    assert failure.check == "the right answer scores 1"


def test_a_failure_counts_rows_and_names_them() -> None:
    [failure] = [f for f in check_contract(_Broken(fault="fails everything"), CITIES) if "right answer" in f.check]
    assert (failure.count, failure.of, failure.rows) == (2, 2, (0, 1))
