"""When the advice is not to train now, whatever the family: read top to bottom, the first that holds counts."""

from collections.abc import Callable

from advisor.facts import Facts
from advisor.rules.kinds import Barrier
from advisor.rules.sources import AWS, AZURE, AZURE_NOT, FIREWORKS, MCNEMAR, OPENAI_RFT, OURS
from pipelines.evals.compare import FEWEST_PROMPTS

AMBIGUOUS = 0.2  # ours: of rows that contradict each other in twos, no model can be right on more than half


def _too_small_to_see(f: Facts) -> bool:
    return f.wanted_gain is not None and f.visible_gain is not None and f.visible_gain > f.wanted_gain


def _reached(f: Facts, score: float | None) -> bool:
    """Whether a score is good enough, surely so where it was measured on few rows."""
    return f.target is not None and score is not None and (score if f.score_low is None else f.score_low) >= f.target


BARRIERS: tuple[Barrier, ...] = (
    Barrier(
        "ceiling",
        lambda f: f.at_ceiling,
        "do_not_tune",
        "Do not fine-tune: the model already gets {f.base_score:.1%}. Take harder rows, or stop.",
        (AWS, AZURE_NOT, OPENAI_RFT),
    ),
    Barrier(
        "prompting_does_it",
        lambda f: _reached(f, f.prompted_score) and f.prompted_score != f.base_score,
        "do_not_tune",
        "Do not fine-tune: a better prompt alone reaches {f.prompted_score:.1%}, and {f.target:.1%} is wanted. A "
        "prompt costs nothing and survives a change of model.",
        (FIREWORKS, AZURE_NOT),
    ),
    Barrier(
        "good_enough",
        lambda f: _reached(f, f.base_score),
        "do_not_tune",
        "Do not fine-tune: the model already gets {f.base_score:.1%}, and {f.target:.1%} is wanted.",
        (FIREWORKS, AZURE_NOT),
    ),
    Barrier(
        "ambiguous",
        lambda f: f.contradictions >= AMBIGUOUS,
        "do_not_tune",
        "Do not fine-tune yet: {f.contradictions:.0%} of the rows ask what another row asks, and answer otherwise. "
        "Where experts do not agree, no training can; say in the prompt what decides, or correct the rows.",
        (OPENAI_RFT, AZURE_NOT),
    ),
    Barrier(
        "test_too_few",
        lambda f: f.test_rows is not None and f.test_rows < FEWEST_PROMPTS and not f.shared,
        "do_not_tune",
        "Do not fine-tune yet: {f.test_rows:,} test rows cannot show any gain; no claim is made here under 30, and "
        "100 are the least that AWS asks for. Set more rows aside with --test.",
        (AWS, OURS),
    ),
    Barrier(
        "test_too_small_for_gain",
        _too_small_to_see,
        "do_not_tune",
        "Do not fine-tune yet: {f.test_rows:,} test rows cannot show a gain of {f.wanted_gain:.1%}. More test rows "
        "show smaller gains: four times as many, half the gain.",
        (MCNEMAR,),
    ),
    Barrier(
        "nothing_to_warm_up",
        lambda f: f.at_floor and not f.imitable and f.prompts != 0,
        "collect",
        "The model gets {f.base_score:.1%} right, and there is nothing to imitate: collect worked answers (50 at "
        "least), or take a bigger model.",
        (OPENAI_RFT, AWS, AZURE),
    ),
)

NO_SIGNAL = Barrier(
    "no_signal", lambda _: True, "collect", "There is nothing yet that a model could learn from.", (AZURE,)
)
"""Where every family is vetoed and nothing else bars."""

COLLECT: tuple[tuple[Callable[[Facts], bool], str], ...] = (
    (
        lambda f: f.prompts == 0,
        "prompts: 200 to 500 different ones, as users really write them (Fireworks); at least 100 to train on and 100 "
        "to test on (AWS)",
    ),
    (
        lambda f: f.verifiable is True and f.grader is None,
        "a reference answer in each row that one of the graders here can compare with",
    ),
    (
        lambda f: not f.gradable or f.at_floor,
        "answers: 50 to 5,000 rows with an answer as you want it (Azure), worked steps included where they matter",
    ),
    (
        lambda f: not f.checkable and not f.preferred,
        "preferences: 500 to 5,000 pairs of a better and a worse answer to the same prompt (Azure)",
    ),
)
"""What to collect, and how much, where there is no signal."""
