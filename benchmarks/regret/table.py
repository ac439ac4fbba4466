"""Results of cells → how many points each advice loses against the arm that is best.

The best arm is the one with the highest pass rate on one half of the test rows; regret is its pass rate minus the
advised arm's on the other half, and can so fall below zero. The interval resamples the cells.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from advisor.decide import decide
from advisor.facts import Facts
from benchmarks.advice import fireworks, predibase
from benchmarks.regret.cell import Result
from benchmarks.regret.design import PREFERENCES, STEPS, Cell
from graders.statistics import paired_bootstrap

Found = Sequence[tuple[Cell, Result]]
Advisor = Callable[[Cell, Result], str]
"""The arm that an advice comes to."""
_ARM_OF = {"sft": "sft", "rejection_sampling": "rejection_sampling", "reft": "ppo", "ppo": "ppo"}
_PRACTISE = {"grpo", "dpo", "kto"}


HOURS = 0.05
"""What each arm may take, as a user would say: three minutes."""


def ours(_: Cell, result: Result) -> str:
    """The last method of this tool's advice, told the time; nothing where it says not to train."""
    facts = Facts(**result.facts)
    decision = decide(replace(facts, hours=HOURS, origins={**facts.origins, "base_score": "measured"}))
    if decision.outcome in {"do_not_tune", "collect"}:
        return "nothing"
    return "practise" if decision.stages[-1] in _PRACTISE else _ARM_OF[decision.stages[-1]]


def published(tree: Callable[[dict[str, object]], Sequence[str]]) -> Advisor:
    """A published tree, told the truth about each cell; its RFT is GRPO, its RLHF DPO; SFT where it cannot decide."""

    def advised(cell: Cell, _: Result) -> str:
        preferred = cell.task in PREFERENCES
        families = tree(
            {
                "has_ground_truth": not preferred,
                "labelled_examples": cell.labels,
                "verifiable": not preferred,
                "cot_helps": cell.task in STEPS,
                "preference_data": preferred,
            }
        )
        return "sft" if not families or families[-1] == "sft" else "practise"

    return advised


def always(arm: str) -> Advisor:
    """The same arm everywhere."""
    return lambda _cell, _result: arm


ADVISORS: Mapping[str, Advisor] = {
    "finetune-advisor": ours,
    "Predibase's chart": published(predibase),
    "Fireworks' skill": published(fireworks),
    **{f"always {arm}": always(arm) for arm in ("nothing", "sft", "rejection_sampling", "practise", "ppo")},
}


def best(result: Result) -> str:
    """The best arm by the half that chooses."""
    return max(result.chosen, key=lambda arm: result.chosen[arm])


def regret(result: Result, arm: str) -> float:
    """Points lost, on the half that is read."""
    return 100 * (result.read[best(result)] - result.read[arm])


def table(found: Found) -> str:
    """Every cell, then every advisor."""
    if not found:
        return "no cell has run yet"
    arms = list(found[0][1].read)
    lines = [f"| cell | {' | '.join(arms)} | best | advised | regret |", "|---|" + "--:|" * len(arms) + "---|---|--:|"]
    for cell, result in found:
        rates = " | ".join(f"{100 * result.read[arm]:.1f}" for arm in arms)
        arm = ours(cell, result)
        lines.append(f"| {cell.name} | {rates} | {best(result)} | {arm} | {regret(result, arm):+.1f} |")
    lines += ["", "| advice | mean regret | 95 % of cells resampled | worst |", "|---|--:|---|--:|"]
    return "\n".join([*lines, *(_line(name, advisor, found) for name, advisor in ADVISORS.items())])


def _line(name: str, advisor: Advisor, found: Found) -> str:
    lost = [regret(result, advisor(cell, result)) for cell, result in found]
    low, high = paired_bootstrap(lost, range(len(lost)))
    return f"| {name} | {fmean(lost):.1f} | [{low:.1f}, {high:.1f}] | {max(lost):.1f} |"
