"""The verdict of a report: one or two sentences that claim no more than the comparison does. Pure."""

from collections.abc import Sequence

from pipelines.evals.compare import FEWEST_PROMPTS, Comparison, Rate
from pipelines.language import shown

NEAR_ZERO = 0.05
WELL_SCORED = 0.2
"""Mean score from which a pass rate near zero says more of the pass mark than of the model."""
_AT_ZERO = "The pass rate is near zero: this model cannot do this task yet. "
_PASS_MARK = "The pass rate is near zero, but scores are not: does the metric's `pass_at` ask for too much? "
_METHODS = {
    "base": "base",
    "sft": "SFT",
    "rejection_sampling": "rejection sampling",
    "grpo": "GRPO",
    "ppo": "PPO",
    "dpo": "DPO",
    "kto": "KTO",
}


def method_name(method: str) -> str:
    """As people write it; a method that is not known here is written as it is."""
    return _METHODS.get(method, method)


def percent(share: float | None) -> str:
    """0.412 → "41.2 %"."""
    return "-" if share is None else f"{100 * share:.1f} %"


def points(value: float) -> str:
    """21.8 → "+21.8"; what rounds to zero has a plus."""
    return f"{round(value, 1) + 0.0:+.1f}"


def duration(seconds: float | None) -> str:
    """ "47 s", "3 min 20 s", "2 h 05 min"; "-" where nobody measured it."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def p_value(p: float) -> str:
    """ "p<1e-9", "p=2e-05", "p=0.031"."""
    if p < 1e-9:
        return "p<1e-9"
    return f"p={p:.0e}" if p < 0.001 else f"p={p:.3f}"


def verdict(methods: Sequence[str], first: Rate, comparison: Comparison | None) -> str:
    """methods: of the models that were compared, in order, "base" for the plan's own. comparison: None for one model.

    first: the rate of the first of them.
    """
    if comparison is None:
        return _near_zero(first, first) + _one_only(methods[0], first)
    made = " then ".join(methods[1:])
    return _near_zero(comparison.baseline, comparison.final) + f"{made}: {in_words(comparison)}"


def verdict_shown(said: str) -> str:
    """A verdict or a detail in the reader's language: what was compared, a colon, then the numbers."""
    for first in (_AT_ZERO, _PASS_MARK):
        if said.startswith(first):
            return shown(first) + verdict_shown(said.removeprefix(first))
    compared, colon, numbers = said.partition(": ")
    if shown(numbers) == numbers:
        return shown(said)
    compared = shown(compared)
    for word in (" then ", " over "):
        compared = compared.replace(word, shown(word))
    return f"{compared}{shown(colon)}{shown(numbers)}"


def in_words(comparison: Comparison, beside: bool = False) -> str:
    """beside: neither of the two was trained from the other. For example
    "41.2 % → 63.0 %: +21.8 points (95 % interval +17.5 to +26.1; n=500, exact McNemar p<1e-9)"."""
    difference = comparison.difference
    if difference is None:
        return _scores_in_words(comparison)
    before, after = percent(comparison.baseline.pass_rate), percent(comparison.final.pass_rate)
    measured = (
        f"{points(difference.points)} points (95 % interval {points(difference.low)} to {points(difference.high)}; "
        f"n={comparison.n}, exact McNemar {p_value(comparison.mcnemar_p)})"
    )
    match comparison.claim:
        case "better":
            return f"{before} → {after}: {measured}."
        case "worse":
            became, final = "The model became worse.", "The final model is worse."
            return f"{before} → {after}: {measured}. {final if beside else became}"
        case "no difference shown":
            visible = f"±{comparison.smallest_visible_points:.1f} points"
            could = f"This many rows could only show {visible} or more."
            return f"{before} → {after}: no difference shown: {measured}. {could}"
        case "too few rows":
            few = f"under {FEWEST_PROMPTS} different prompts nothing is claimed"
            return f"{before} → {after}: too few rows: {measured}; {comparison.n_prompts} prompts, and {few}."


def _scores_in_words(comparison: Comparison) -> str:
    """For a metric that judges nothing right or wrong: "mean score 0.312 → 0.405: +9.3 points (...)"."""
    difference = comparison.score_difference
    if difference is None:
        return "no claim: no row was scored on both sides."
    before, after = comparison.baseline.mean_score or 0.0, comparison.final.mean_score or 0.0
    interval = f"95 % interval {points(difference.low)} to {points(difference.high)}; n={comparison.n}"
    claim = "" if comparison.claim in ("better", "worse") else f"; {comparison.claim}"
    return f"mean score {before:.3f} → {after:.3f}: {points(difference.points)} hundredths ({interval}){claim}."


def _one_only(method: str, model: Rate) -> str:
    only = "Only the base model was" if method == "base" else f"No gain is shown: only the model after {method} was"
    if model.pass_rate is None and model.mean_score is not None:
        return f"{only} evaluated. Its mean score is {model.mean_score:.3f} (n={model.n})."
    if model.pass_rate is None:
        return f"{only} evaluated, and no row was scored."
    interval = f"95 % interval {percent(model.low)} to {percent(model.high)}; n={model.n}"
    return f"{only} evaluated. It passes {percent(model.pass_rate)} ({interval})."


def _near_zero(base: Rate, final: Rate) -> str:
    if base.pass_rate is None or final.pass_rate is None or max(base.pass_rate, final.pass_rate) >= NEAR_ZERO:
        return ""
    return _PASS_MARK if max(base.mean_score or 0.0, final.mean_score or 0.0) >= WELL_SCORED else _AT_ZERO
