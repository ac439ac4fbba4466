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
from graders.format import Format
from graders.json_fields import JsonFields
from graders.json_schema import JsonSchema
from graders.math import Math
from graders.numeric import Numeric
from graders.pattern import Pattern
from graders.penalty import Penalty
from graders.python import Python
from graders.ranked_list import RankedList
from graders.reward_model import RewardModel
from graders.set_f1 import SetF1
from graders.similarity import Similarity
from graders.sql import Sql
from graders.steps import Steps
from graders.union import GRADERS, parse_grader
from tests.graders import fair_judge

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
ROOMS = (
    "CREATE TABLE room (name TEXT, beds INT, rent REAL);"
    "INSERT INTO room VALUES ('attic', 1, 80.5), ('blue', 2, 99), ('cellar', 3, 120)"
)
QUERIES = [
    Sample(f"{text} (table room: name, beds, rent)", f"```sql\n{query};\n```", query)
    for text, query in (
        ("Names of rooms with two beds?", "SELECT name FROM room WHERE beds = 2"),
        ("The mean rent?", "SELECT avg(rent) FROM room"),
        ("All rooms, cheapest first?", "SELECT name, rent FROM room ORDER BY rent"),
    )
]
CARDS = [
    Sample(f"Who is {name} of {city}?", json.dumps({"name": name, "city": city}), row={"name": name, "city": city})
    for name, city in (("Ada", "Lima"), ("Bo", "N'Djamena"), ("Cy", "Oslo"))
]
COLOURS = [
    Sample(f"Colours of {flag}?", json.dumps(colours), colours)
    for flag, colours in (("Peru", ["red", "white"]), ("Chad", ["blue", "yellow", "red"]))
]
GUESSES = [
    Sample(f"Whose flag is {flag}?", "\n".join(f"{place}. {land}" for place, land in enumerate(lands, 1)), lands[0])
    for flag, lands in (("red and white", ["Peru", "Poland"]), ("blue, yellow, red", ["Chad", "Romania"]))
]
TAGGED = [Sample("Yes or no?", f"<answer>{answer}</answer>") for answer in ("yes", "no")]

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
ASKS = {"model": "fair", "server": {"base_url": fair_judge.URL}}
COMPARED = [{"role": "user", "content": "Compare ¦{{sample.output_text}}¦{{item.city}}¦"}]
TOWNS = [Sample(sample.prompt, sample.completion, sample.reference, {"city": sample.reference}) for sample in CITIES]
CASES: list[tuple[Grader, list[Sample]]] = [
    (ExactMatch(), CITIES),
    (ExactMatch(ignore_case=False, ignore_space=False, ignore_punctuation=True), CITIES),
    (Numeric(), SUMS),
    (Numeric(parsed_credit=0.1, abs_tolerance=0.01), SUMS),
    (Math(), SUMS),
    (Steps(), SUMS),
    (Pattern(pattern="#### ([0-9]+)", compare="reference", extract=1), SUMS),
    (Pattern(pattern="#### [0-9]+"), SUMS),
    (Pattern(pattern="(?i)sorry", must="not match"), SUMS),
    (Format(tags=("answer",), at_most=5, scripts=("latin",)), TAGGED),
    (Penalty(free=20, most=50, repetition=3, copying=3), SUMS),
    (Choice(choices=("refund", "card lost", "greeting")), INTENTS),
    (Choice(where="whole"), INTENTS),
    (Choice(choices=("A", "B", "C")), LETTERS),
    (JsonFields(), RECEIPTS),
    (JsonFields.model_validate({"fields": {"shop": "fuzzy", "total": "numeric"}}), RECEIPTS),
    (Sql(database=ROOMS), QUERIES),
    (Sql.model_validate({"database": ROOMS, "weights": {"parse": 0, "runs": 0}, "changed_copies": False}), QUERIES),
    (JsonSchema(json_schema={"type": "object", "required": ["shop", "total"]}), RECEIPTS),
    (SetF1(), COLOURS),
    (SetF1(codes=True), COLOURS),
    (SetF1(values="fuzzy"), RECEIPTS),
    (RankedList(), GUESSES),
    (RankedList(credits=(1.0, 0.0)), CITIES),
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
    (parse_grader({"type": "judge", "criteria": "It is right.", **ASKS}), CITIES),
    (parse_grader({"type": "rubric", "points": [{"text": "a"}, {"text": "b", "weight": 2}], **ASKS}), CITIES),
    (parse_grader({"type": "score_model", "input": COMPARED, **ASKS}), TOWNS),
    (
        parse_grader(
            {
                "type": "label_model",
                "input": COMPARED,
                "labels": ["right", "wrong"],
                "passing_labels": ["right"],
                **ASKS,
            }
        ),
        TOWNS,
    ),
    (parse_grader({"type": "endpoint", "url": fair_judge.GRADE, "rate_limit": 1000}), TOWNS),
]


@pytest.mark.parametrize(("grader", "samples"), CASES, ids=lambda value: type(value).__name__)
def test_each_grader_keeps_the_contract(grader: Grader, samples: list[Sample]) -> None:
    assert check_contract(grader, samples) == []


def test_every_grader_of_the_union_is_in_the_cases() -> None:
    """But for a reward model, which knows better and worse, and nothing that is right: see test_reward_model.py."""
    assert {type(grader) for grader, _ in CASES} == set(GRADERS.values()) - {RewardModel}


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
