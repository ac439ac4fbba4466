"""What follows from a probe's numbers: facts only where the numbers bear them."""

import pytest

from graders.statistics import wilson_interval
from pipelines.evals.compare import compare
from pipelines.probe_result import Probed, StyleFound
from pipelines.prompt_styles import Style
from tests.pipelines.evals.test_looks import graded

N = 100


def style(name: Style, passes: int, tokens: float, followed: float = 1.0, parsed: float | None = 1.0) -> StyleFound:
    """Of 100 rows the first so many pass; so do the first 50 of the direct style."""
    answers, direct = [graded(n, n < passes) for n in range(N)], [graded(n, n < 50) for n in range(N)]
    against = None if name == "direct" else compare(direct, answers)
    rates = {"pass_rate": passes / N, "interval": wilson_interval(passes, N), "mean_score": passes / N, "unscored": 0}
    lengths = {"truncated_rate": 0.0, "mean_tokens": tokens, "tokens_needed": 32}
    return StyleFound(
        style=name, rows=N, parse_rate=parsed, followed=followed, comparison=against, settled=True, **rates, **lengths
    )


def found(*styles: StyleFound, drawn: float = 0.5) -> Probed:
    return Probed(
        samples_per_prompt=4,
        mean_score=drawn,
        unscored=0,
        truncated_rate=0.0,
        mean_tokens=9.0,
        parse_rate=1.0,
        prompts=N,
        mean_score_interval=(0.4, 0.6),
        spread=0.3,
        prompts_with_spread=60,
        pass_at_k={"1": drawn},
        groups_with_spread=(),
        verdict="ready",
        group_size=4,
        max_new_tokens=32,
        rows=N,
        rows_from="validation",
        completions_per_group_with_spread=None,
        completions_per_second=None,
        sampling_seconds_per_pass=None,
        styles=styles,
    )


DIRECT = style("direct", 50, tokens=10)


@pytest.mark.parametrize(
    ("styles", "helps"),
    [
        ([DIRECT, style("step_by_step", 80, tokens=40)], True),
        ([DIRECT, style("step_by_step", 30, tokens=40)], False),
        ([DIRECT, style("step_by_step", 50, tokens=40)], False),
        ([DIRECT, style("step_by_step", 54, tokens=40)], None),
        ([DIRECT, style("step_by_step", 80, tokens=12)], None),
        ([DIRECT, style("step_by_step", 30, tokens=40, followed=0.1)], None),
        ([style("direct", 50, tokens=40), style("answer_only", 20, tokens=5)], True),
        ([style("direct", 50, tokens=40), style("answer_only", 80, tokens=5)], False),
        ([style("direct", 50, tokens=40), style("answer_only", 20, tokens=5, followed=0.0)], None),
        (
            [style("direct", 50, tokens=40), style("step_by_step", 50, tokens=45), style("answer_only", 20, tokens=5)],
            True,
        ),
        ([DIRECT, style("few_shot", 80, tokens=40)], None),
        ([DIRECT], None),
        ([], None),
    ],
)
def test_reasoning_helps_only_where_one_style_really_reasons_more(styles: list[StyleFound], helps: bool | None) -> None:
    assert found(*styles).reasoning_helps is helps


def test_a_better_prompt_counts_only_where_it_surely_is() -> None:
    assert found(DIRECT, style("few_shot", 80, 9), style("step_by_step", 70, 30)).prompted_score == 0.8
    assert found(DIRECT, style("few_shot", 53, 9)).prompted_score == 0.5
    assert found(DIRECT).prompted_score is None
    assert found().prompted_score is None


def test_at_the_floor_the_many_drawn_answers_count() -> None:
    assert found(style("direct", 0, 9), drawn=0.04).base_score == 0.04
    assert found(style("direct", 30, 9), drawn=0.04).base_score == 0.3
    assert found(drawn=0.04).base_score == 0.04


def test_no_fact_rests_on_fewer_than_thirty_rows() -> None:
    few = style("direct", 100, 9).model_copy(update={"rows": 29})
    assert (found(few, drawn=1.0).base_score, found(few).prompted_score, found(few).format_new) == (None, None, None)


def test_the_format_is_new_where_hardly_any_answer_can_be_read() -> None:
    assert found(style("direct", 0, 9, parsed=0.2), drawn=0.0).format_new is True
    assert found(style("direct", 50, 9, parsed=0.95)).format_new is False
    assert found(style("direct", 5, 9, parsed=0.95)).format_new is None, "it may be read and still be new"
    assert found(style("direct", 50, 9, parsed=None)).format_new is None


def test_numbers_are_read_back_as_they_were_written() -> None:
    one = found(DIRECT, style("few_shot", 80, 9))
    assert Probed.of(one.model_dump(mode="json")) == one
