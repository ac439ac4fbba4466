"""similarity: the nearest of several references, and what a metric cannot compare."""

import pytest

from graders.base import Grade, Sample
from graders.errors import UserError
from graders.similarity import Similarity
from graders.text_metrics import METRICS, max_chars
from graders.union import parse_grader

FIRST = "the red kite circled above the old harbour wall"
SECOND = "gannets dive for fish beyond the lighthouse every spring"


def grade(completion: str, reference: object, **fields: object) -> Grade:
    return Similarity.model_validate(fields).grade(Sample("Translate.", completion, reference))


def test_the_nearest_reference_counts() -> None:
    near = grade("gannets dive for herring beyond the lighthouse", [FIRST, SECOND])
    assert near.score == pytest.approx(2 * 6 / (7 + 9))
    assert near.reason == f"rouge_l 0.750 with the reference {SECOND!r}"
    assert near.score == grade("gannets dive for herring beyond the lighthouse", SECOND).score


@pytest.mark.parametrize("metric", METRICS)
def test_a_copy_scores_1_by_every_metric_and_another_text_little(metric: str) -> None:
    assert grade(f" {FIRST}\n", [SECOND, FIRST], metric=metric).score == 1
    assert grade(SECOND, FIRST, metric=metric).score == pytest.approx(0, abs=0.45)


def test_raw_is_the_metrics_own_number() -> None:
    result = grade("Lima", "Lima", metric="meteor")
    assert (result.score, result.raw) == (1.0, 0.5)
    assert result.reason == "equals the reference 'Lima' (meteor 0.500)"


def test_it_passes_from_pass_at_on() -> None:
    grader = Similarity(pass_at=0.7)
    assert grader.passed(grader.grade(Sample("", "gannets dive for herring beyond the lighthouse", SECOND)))
    assert not grader.passed(grader.grade(Sample("", "gannets dive", SECOND)))


@pytest.mark.parametrize("reference", [None, "", {}, [], "!!!", "two words", ["one", "…"]])
def test_a_reference_that_the_metric_cannot_compare_is_unscored_whatever_the_answer(reference: object) -> None:
    for completion in ("two words", "!!!", "one", ""):
        assert grade(completion, reference, metric="rouge_3").score is None


def test_an_empty_answer_scores_0() -> None:
    assert all(grade(blank, FIRST, metric=metric).score == 0 for metric in METRICS for blank in ("", " \n"))


def test_what_is_not_read_is_said_and_does_not_pay() -> None:
    limit = max_chars("fuzzy_match")
    reference = (FIRST + " ") * (limit // 48)
    padded = grade(reference + "and so on " * limit, reference, metric="fuzzy_match")
    assert padded.score < 0.1
    assert padded.reason.endswith("of the answer only the first 4000 characters were compared")


def test_cosine_is_refused_with_what_to_use() -> None:
    with pytest.raises(UserError, match=r"no embedder.*use one of fuzzy_match, bleu"):
        parse_grader({"type": "similarity", "metric": "cosine"})
