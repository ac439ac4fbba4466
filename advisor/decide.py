"""Facts → Decision: pure, and the rules are data (`advisor/rules.py`)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from advisor.facts import Facts, Outcome
from advisor.rules import (
    CAUTIONS,
    CHANGES,
    COLLECT,
    OUTCOMES,
    STAGES,
    VETOES,
    Caution,
    Method,
    Rule,
    StageRule,
    Veto,
)

ASSUMABLE: Mapping[str, tuple[Callable[[Facts], Facts], ...]] = {
    "verifiable": (lambda f: replace(f, verifiable=not f.verifiable),),
    "reasoning_helps": (lambda f: replace(f, reasoning_helps=True), lambda f: replace(f, reasoning_helps=False)),
    "format_new": (lambda f: replace(f, format_new=True), lambda f: replace(f, format_new=False)),
}
"""Facts that a person may have left at an assumed default, each with what else it could be."""
_SPOKEN = {True: "yes", False: "no", None: "unknown"}


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that counted: its reason with the numbers filled in, its sources, and the stage that it put in."""

    id: str
    reason: str
    sources: tuple[str, ...]
    method: Method | None = None


@dataclass(frozen=True, slots=True)
class Alternative:
    """The second best advice, and what speaks for it."""

    outcome: Outcome
    stages: tuple[Method, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The advice with its record.

    stages: training methods in order. fired: what counted, in
    the order in which it counted. missing: what to collect, where the outcome is `collect`.
    """

    outcome: Outcome
    stages: tuple[Method, ...]
    fired: tuple[Fired, ...]
    vetoes: tuple[Fired, ...]
    runner_up: Alternative | None
    would_change: tuple[str, ...]
    missing: tuple[str, ...]
    facts: Facts

    @property
    def because(self) -> tuple[str, ...]:
        """The reasons as sentences."""
        return tuple(fired.reason for fired in self.fired)

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source once, in order of first use."""
        return tuple(dict.fromkeys(source for fired in self.fired for source in fired.sources))


def decide(facts: Facts) -> Decision:
    """The advice for these facts."""
    allowed, forbidden = _choose(facts)
    rule = allowed[0]
    stages = _stages(rule.outcome, facts)
    methods = _methods(stages)
    vetoes = tuple(_fired(veto, facts) for veto in forbidden)
    counted: list[Rule | StageRule | Caution] = [rule, *stages]
    counted += [caution for caution in CAUTIONS if rule.outcome in caution.outcomes and caution.when(facts)]
    return Decision(
        outcome=rule.outcome,
        stages=methods,
        fired=(*vetoes, *(_fired(each, facts) for each in counted), *_assumptions(facts, methods)),
        vetoes=vetoes,
        runner_up=_runner_up(rule, allowed, facts),
        would_change=tuple(_would_change(facts, rule.outcome, methods)),
        missing=tuple(text for when, text in COLLECT if when(facts)) if rule.outcome == "collect" else (),
        facts=facts,
    )


def _choose(facts: Facts) -> tuple[list[Rule], list[Veto]]:
    """The rules that hold and are not vetoed, in order; and the first veto against each outcome passed over."""
    vetoes = [veto for veto in VETOES if veto.when(facts)]
    holding = [rule for rule in OUTCOMES if rule.when(facts)]
    allowed = [rule for rule in holding if all(veto.forbids != rule.outcome for veto in vetoes)]
    passed_over = dict.fromkeys(rule.outcome for rule in holding[: holding.index(allowed[0])])
    return allowed, [next(veto for veto in vetoes if veto.forbids == outcome) for outcome in passed_over]


def _stages(outcome: Outcome, facts: Facts) -> list[StageRule]:
    return [stage for stage in STAGES if outcome in stage.outcomes and stage.when(facts)]


def _methods(stages: Iterable[StageRule]) -> tuple[Method, ...]:
    return tuple(dict.fromkeys(stage.method for stage in stages))


def _fired(rule: Rule | Veto | StageRule | Caution, facts: Facts) -> Fired:
    method = rule.method if isinstance(rule, StageRule) else None
    return Fired(rule.id, rule.reason.format(f=facts), rule.sources, method)


def _assumptions(facts: Facts, stages: tuple[Method, ...]) -> tuple[Fired, ...]:
    """What nobody confirmed and would change the advice, in one sentence."""
    shaky = []
    for name, others in ASSUMABLE.items():
        differs = any(_advised(other(facts))[1] != stages for other in others)
        if differs and facts.origins.get(name) == "assumed":
            shaky.append(f"{name} = {_SPOKEN[getattr(facts, name)]}")
    if not shaky:
        return ()
    said = f"Assumed, not known: {', '.join(shaky)}. Say otherwise with --set, and the advice may change."
    return (Fired("assumed", said, ()),)


def _advised(facts: Facts) -> tuple[Outcome, tuple[Method, ...]]:
    outcome = _choose(facts)[0][0].outcome
    return outcome, _methods(_stages(outcome, facts))


def _runner_up(best: Rule, allowed: list[Rule], facts: Facts) -> Alternative | None:
    for rule in allowed:
        if rule.outcome not in (best.outcome, "collect"):
            stages = _methods(_stages(rule.outcome, facts))
            return Alternative(rule.outcome, stages, rule.reason.format(f=facts))
    return None


def _would_change(facts: Facts, outcome: Outcome, stages: tuple[Method, ...]) -> Iterable[str]:
    """Decides again in each other world; says only what really comes out differently."""
    for change in CHANGES:
        other_outcome, other_stages = _advised(change.apply(facts))
        if other_stages != stages or (not stages and other_outcome != outcome):
            yield f"{change.text}: {pipeline(other_outcome, other_stages)}"


def pipeline(outcome: Outcome, stages: tuple[Method, ...]) -> str:
    """An advice in a few words."""
    return " → ".join(stages) if stages else outcome
