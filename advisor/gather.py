"""Profile, answers and what a probe measured → the facts of the decision, each with its origin."""

from collections.abc import Mapping

from advisor.answers import Answer
from advisor.checks import NONE, STARTER
from advisor.facts import Facts
from advisor.planner import reference_column
from advisor.profile import DataProfile
from pipelines.probe_result import Probed


def gather(
    data: DataProfile | None, answers: Mapping[str, Answer], probed: Probed | None = None, shared: bool = True
) -> Facts:
    """shared: the test rows are a share of the rows."""
    hours = float(answers["hours"].value)
    fit = data.fit if data else None
    named = answers["grader"].value
    tried: tuple[str, ...] = ("base_score", "prompted_score") if probed else ()
    return Facts(
        prompts=data.num_prompts if data else 0,
        labels=int(answers["labelled"].value),
        only_compared=bool(
            data and data.num_completions == 0 and reference_column(data) is None and data.num_references
        ),
        demonstrations=answers["demonstrations"].value is True,
        bare=data.num_bare if data else 0,
        verifiable=answers["verifiable"].value is True,
        grader=None if named == NONE else str(named),
        grader_problem=f": {fit.problem}" if fit and fit.problem else "",
        reasoning_helps=_known(answers["reasoning_helps"]),
        format_new=_known(answers["format_new"]),
        pairs=int(answers["preferences"].value),
        thumbs=data.num_thumbs if data else 0,
        unpaired=data.num_unpaired if data else 0,
        reward_model=answers["reward_model"].value is True,
        tools=data.num_tools if data else 0,
        guess_rate=data.answers.guess_rate if data else 0.0,
        contradictions=data.contradictions if data else 0.0,
        model=str(answers.get("model", Answer(STARTER, "assumed")).value),
        gpu_gib=float(answers["gpu_gib"].value),
        hours=hours or None,
        base_score=probed.base_score if probed else None,
        prompted_score=probed.prompted_score if probed else None,
        score_low=probed.score_low if probed else None,
        test_rows=data.num_test if data else None,
        shared=shared,
        target=float(answers["target"].value) or None,
        origins={key: answer.origin for key, answer in answers.items()} | dict.fromkeys(tried, "measured"),
    )


def _known(answer: Answer) -> bool | None:
    return answer.value if isinstance(answer.value, bool) else None
