"""Facts → Decision: pure, and the rules are data (`advisor/rules/`).

First the family whose signal is at hand, then its pipeline, then whether anything says not to train now. The outcome is
the family of the pipeline's last stage, or `collect` or `do_not_tune`; then the stages are what would be trained.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from advisor.facts import Facts, Outcome
from advisor.rules.barriers import BARRIERS, COLLECT, NO_SIGNAL
from advisor.rules.cautions import CAUTIONS
from advisor.rules.changes import CHANGES
from advisor.rules.edges import EDGES
from advisor.rules.families import FAMILIES, VETOES
from advisor.rules.kinds import FAMILY, Barrier, Caution, Edge, Method, Rule, StageRule, Veto
from advisor.rules.stages import STAGES

ASSUMABLE: Mapping[str, tuple[Callable[[Facts], Facts], ...]] = {
    "verifiable": (lambda f: replace(f, verifiable=not f.verifiable),),
    "reasoning_helps": (lambda f: replace(f, reasoning_helps=True), lambda f: replace(f, reasoning_helps=False)),
    "format_new": (lambda f: replace(f, format_new=True), lambda f: replace(f, format_new=False)),
}
"""Facts that a person may have left at an assumed default, each with what else it could be."""
PROBED = frozenset({"reasoning_helps", "format_new"})
"""Those of them that `init --probe` can measure."""
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

    stages: training methods in order, also where the outcome is not to train now. fired: what counted, in the order in
    which it counted. edges: gates between the stages, and where to go on when a number comes out bad. missing: what to
    collect, where the outcome is `collect`.
    """

    outcome: Outcome
    stages: tuple[Method, ...]
    fired: tuple[Fired, ...]
    vetoes: tuple[Fired, ...]
    edges: tuple[Edge, ...]
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


@dataclass(frozen=True, slots=True)
class _Choice:
    """allowed: the family rules that hold and are not vetoed. forbidden: the first veto of each family passed over."""

    rule: Rule
    allowed: tuple[Rule, ...]
    forbidden: tuple[Veto, ...]
    stages: tuple[StageRule, ...]
    barrier: Barrier | None

    @property
    def methods(self) -> tuple[Method, ...]:
        return _methods(self.stages)

    @property
    def outcome(self) -> Outcome:
        if self.barrier is not None:
            return self.barrier.outcome
        return FAMILY[self.methods[-1]]


def decide(facts: Facts) -> Decision:
    """The advice for these facts."""
    choice = _choose(facts)
    vetoes = tuple(_fired(veto, facts) for veto in choice.forbidden)
    barrier = () if choice.barrier is None else (_fired(choice.barrier, facts),)
    counted: list[Rule | StageRule | Caution] = [choice.rule, *choice.stages]
    if choice.outcome != "collect":  # of a training that cannot begin yet
        counted += [caution for caution in CAUTIONS if choice.rule.outcome in caution.outcomes and caution.when(facts)]
    return Decision(
        outcome=choice.outcome,
        stages=choice.methods,
        fired=(*barrier, *vetoes, *(_fired(each, facts) for each in counted), *_assumptions(facts, choice)),
        vetoes=vetoes,
        edges=tuple(edge for edge in EDGES if set(edge.methods) & set(choice.methods) and edge.when(facts)),
        runner_up=_runner_up(choice, facts),
        would_change=tuple(_would_change(facts, choice)),
        missing=tuple(text for when, text in COLLECT if when(facts)) if choice.outcome == "collect" else (),
        facts=facts,
    )


def _choose(facts: Facts) -> _Choice:
    """Where every family is vetoed, the first rule's is what to collect for."""
    vetoes = [veto for veto in VETOES if veto.when(facts)]
    holding = [rule for rule in FAMILIES if rule.when(facts)]
    allowed = [rule for rule in holding if all(veto.forbids != rule.outcome for veto in vetoes)]
    rule = allowed[0] if allowed else holding[0]
    passed_over = dict.fromkeys(each.outcome for each in (holding[: holding.index(rule)] if allowed else holding))
    forbidden = [next(veto for veto in vetoes if veto.forbids == outcome) for outcome in passed_over]
    barrier = next((barrier for barrier in BARRIERS if barrier.when(facts)), None if allowed else NO_SIGNAL)
    return _Choice(rule, tuple(allowed), tuple(forbidden), _stages(rule, facts), barrier)


def _stages(rule: Rule, facts: Facts) -> tuple[StageRule, ...]:
    return tuple(stage for stage in STAGES if rule.outcome in stage.outcomes and stage.when(facts))


def _methods(stages: Iterable[StageRule]) -> tuple[Method, ...]:
    return tuple(dict.fromkeys(stage.method for stage in stages))


def _fired(rule: Rule | Veto | Barrier | StageRule | Caution, facts: Facts) -> Fired:
    method = rule.method if isinstance(rule, StageRule) else None
    return Fired(rule.id, rule.reason.format(f=facts), rule.sources, method)


def _assumptions(facts: Facts, choice: _Choice) -> tuple[Fired, ...]:
    """What nobody confirmed and would change the advice, in one sentence."""
    shaky = {}
    for name, others in ASSUMABLE.items():
        differs = any(_choose(other(facts)).methods != choice.methods for other in others)
        if differs and facts.origins.get(name) == "assumed":
            shaky[name] = f"{name} = {_SPOKEN[getattr(facts, name)]}"
    if not shaky:
        return ()
    how = "--set, or measure with --probe" if PROBED & shaky.keys() and facts.base_score is None else "--set"
    guesses = ", ".join(shaky.values())
    said = f"Assumed, not known: {guesses}. Say otherwise with {how}, and the advice may change."
    return (Fired("assumed", said, ()),)


def _runner_up(choice: _Choice, facts: Facts) -> Alternative | None:
    for rule in choice.allowed:
        if rule.outcome != choice.rule.outcome:
            methods = _methods(_stages(rule, facts))
            return Alternative(FAMILY[methods[-1]], methods, rule.reason.format(f=facts))
    return None


def _would_change(facts: Facts, choice: _Choice) -> Iterable[str]:
    """Decides again in each other world; says only what really comes out differently."""
    for change in CHANGES:
        other = _choose(change.apply(facts))
        if (other.outcome, other.methods) != (choice.outcome, choice.methods):
            yield f"{change.text}: {pipeline(other.outcome, other.methods)}"


def pipeline(outcome: Outcome, stages: tuple[Method, ...]) -> str:
    """An advice in a few words."""
    methods = " → ".join(stages)
    if outcome == "collect":
        return f"collect first, then {methods}" if methods else "collect"
    return f"do not fine-tune (else {methods})" if outcome == "do_not_tune" else methods
