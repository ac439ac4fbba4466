"""A metric that judges nothing right or wrong is compared by its score, and called what it is."""

from pipelines.evals.compare import compare
from pipelines.evals.grades import GradedRow
from pipelines.evals.verdict import in_words


def rows(scores: list[float]) -> list[GradedRow]:
    return [
        GradedRow(
            index=place, prompt=f"p{place}", prompt_key=f"p{place}", completion="", score=score, passed=None, reason="",
            num_tokens=1,
        )
        for place, score in enumerate(scores)
    ]  # fmt: skip


def test_a_likelier_reference_on_every_row_is_better() -> None:
    before = [0.2 + 0.001 * n for n in range(40)]
    found = compare(rows(before), rows([score + 0.1 for score in before]))
    assert found.difference is None
    assert found.baseline.pass_rate is None
    assert found.claim == "better"
    assert "mean score 0.220 → 0.320: +10.0 hundredths" in in_words(found)


def test_scores_that_go_up_and_down_alike_show_no_difference() -> None:
    before = [0.5] * 40
    found = compare(rows(before), rows([0.5 + (0.1 if n % 2 else -0.1) for n in range(40)]))
    assert found.claim == "no difference shown"
    assert "no difference shown." in in_words(found)
