"""text_similarity: OpenAI's metrics by name over templates; what each metric is, is tested with the metrics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz, utils

from graders.base import Grade, Sample
from graders.errors import UserError
from graders.text_metrics import METRICS
from graders.union import parse_grader

FIELDS = {
    "type": "text_similarity",
    "name": "n",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "evaluation_metric": "fuzzy_match",
}
SAID = "The tenant shall not sell grilled cheese within two miles."


def grade(completion: str, answer: object = SAID, **fields: object) -> Grade:
    return parse_grader({**FIELDS, **fields}).grade(Sample("", completion, row={"answer": answer}))


def test_fuzzy_match_is_rapidfuzz_as_openais_guide_calls_it() -> None:
    other = "The tenant must never sell grilled cheese within five miles of it"
    expected = fuzz.WRatio(other, SAID, processor=utils.default_process) / 100
    assert 0.5 < expected < 0.95
    assert grade(other).score == expected
    assert grade(SAID).score == 1


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_every_metric_of_openais_but_cosine_tells_alike_from_unlike(metric: str) -> None:
    alike, unlike = (grade(text, evaluation_metric=metric).score for text in (SAID, "Quux ozzy fry"))
    assert alike is not None
    assert unlike is not None
    assert alike > 0.95
    assert unlike < 0.5


def test_the_reason_names_the_metric_and_both_texts() -> None:
    assert grade("Lima", "Lima").reason == "fuzzy_match 1.000: 'Lima' against 'Lima'"


def test_text_that_was_not_read_is_said_and_does_not_pay() -> None:
    result = grade("Lima " * 10_000, "Lima")
    assert "only the first 4000 characters" in result.reason
    assert result.score is not None
    assert result.score < 0.1


def test_cosine_is_refused_at_load_with_the_metrics_that_work() -> None:
    with pytest.raises(UserError) as error:
        parse_grader({**FIELDS, "evaluation_metric": "cosine"})
    assert "no embedder" in str(error.value)
    assert "fuzzy_match" in str(error.value)


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(UserError, match="rouge_6"):
        parse_grader({**FIELDS, "evaluation_metric": "rouge_6"})


def test_an_empty_reference_tells_nothing() -> None:
    assert grade("", answer=" ").score is None
    assert grade("", input="{{item.answer}}", reference="{{sample.output_text}}").score == 0


def test_a_missing_variable_is_the_rows_fault_and_bad_json_the_models() -> None:
    assert grade("x", reference="{{item.missing}}").errors == ("invalid_variable_error",)
    result = grade("x", input="{{sample.output_json.clause}}")
    assert (result.score, result.errors) == (0, ("sample_parse_error",))


def test_a_threshold_becomes_pass_at() -> None:
    grader = parse_grader({**FIELDS, "pass_threshold": 0.9})
    assert grader.pass_at == 0.9
    assert grader.passed(grader.grade(Sample("", SAID + "!", row={"answer": SAID})))


_TEXTS = st.one_of(st.text(), st.text(alphabet="ab ¦{}[]\"'0\ud800\x00é中\n", max_size=60))


@given(st.sampled_from(sorted(METRICS)), _TEXTS, _TEXTS)
def test_any_two_texts_get_a_score_in_bounds(metric: str, completion: str, answer: str) -> None:
    score = grade(completion, answer, evaluation_metric=metric).score
    assert (score is None) == (not answer.strip())
    assert score is None or 0 <= score <= 1
