"""How often tables of advice agree with what published projects did: `python -m benchmarks.advice CASES.yaml`.

In: cases with facts, `methods_in_order`, `source` and `notes`. Out: for each table the share of cases whose last
method's family it names (by row with a Wilson interval, and as the mean over sources), or names in any stage, and how
many it can decide at all; then every miss, and the negative cases, where right means advising another method or
warning. Only the facts reach the advice.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from advisor.case_facts import facts_of
from advisor.decide import decide
from advisor.facts import Family
from advisor.rules.kinds import FAMILY
from graders.statistics import wilson_interval

Case = dict[str, Any]
Table = Callable[[Case], Sequence[Family]]
"""Families of the stages that a table advises, in order; empty where it cannot decide."""

PUBLISHED: dict[str, Family] = {
    "sft": "sft",
    "rejection_sampling": "rft",
    "grpo": "rft",
    "ppo_verifiable": "rft",
    "reward_model": "rlhf",
    "ppo_rlhf": "rlhf",
    "dpo": "rlhf",
}
WARNINGS = {"guessable", "guessable_by_its_kind", "own_samples", "nearly_solved"}


def ours(case: Case) -> Sequence[Family]:
    """This tool's stages."""
    return [FAMILY[method] for method in decide(facts_of(case)).stages]


def predibase(case: Case) -> Sequence[Family]:
    """The published chart; undecided where it asks for what is unknown."""
    truth, labels, verifiable, reasoning = (
        case[key] for key in ("has_ground_truth", "labelled_examples", "verifiable", "cot_helps")
    )
    if truth is None:
        return []
    if not truth:
        return [] if verifiable is None else ["rft" if verifiable else "rlhf"]
    if labels is None:
        return []
    if labels < 100:
        return ["rft"]
    if labels > 100_000:
        return ["sft"]
    return [] if reasoning is None else ["rft" if reasoning else "sft"]


def fireworks(case: Case) -> Sequence[Family]:
    """The published skill; under 100 labels it is silent."""
    labels, reasoning = case["labelled_examples"], case["cot_helps"]
    if case["has_ground_truth"]:
        if labels is None or labels < 100:
            return []
        if labels > 1000:
            return ["sft"]
        return [] if reasoning is None else ["rft" if reasoning else "sft"]
    if case["preference_data"]:
        return ["rlhf"]
    return ["rft"] if case["verifiable"] else []


TABLES: dict[str, Table] = {
    "finetune-advisor": ours,
    "Predibase's chart": predibase,
    "Fireworks' skill": fireworks,
    "always RFT": lambda _: ["rft"],
}


@dataclass(frozen=True, slots=True)
class Agreement:
    """n cases, of which `decided`; last: those whose last family agrees; any: those whose family is in some stage;
    by_source: the mean over sources. Undecided cases count as disagreement."""

    n: int
    decided: int
    last: int
    any: int
    by_source: float


def scored(cases: Sequence[Case]) -> list[Case]:
    """The cases whose last method has a family."""
    return [case for case in cases if case["methods_in_order"][-1] in PUBLISHED]


def actual(case: Case) -> Family:
    """The family of the last method."""
    return PUBLISHED[case["methods_in_order"][-1]]


def agreement(table: Table, cases: Sequence[Case]) -> Agreement:
    """Of one table over the cases."""
    advised = [(case, table(case)) for case in cases]
    sources: dict[str, list[bool]] = defaultdict(list)
    for case, families in advised:
        sources[case["source"]].append(bool(families) and families[-1] == actual(case))
    return Agreement(
        n=len(cases),
        decided=sum(bool(families) for _, families in advised),
        last=sum(bool(families) and families[-1] == actual(case) for case, families in advised),
        any=sum(actual(case) in families for case, families in advised),
        by_source=fmean(map(fmean, sources.values())),
    )


def negative(cases: Sequence[Case]) -> list[Case]:
    """The cases in which what was done failed."""
    return [case for case in cases if "NEGATIVE CASE" in case["notes"] or "CONTRADICTS" in case["notes"]]


def heeded(case: Case) -> bool:
    """Another last method is advised than the one that failed, or a warning stands beside it."""
    decision = decide(facts_of(case))
    warned = any(fired.id in WARNINGS for fired in decision.fired)
    failed = case["methods_in_order"][-1].replace("ppo_verifiable", "reft")
    return warned or not decision.stages or decision.stages[-1] not in (failed, "grpo" if failed == "reft" else failed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path)
    all_cases = yaml.safe_load(parser.parse_args().cases.read_text(encoding="utf-8"))
    cases = scored(all_cases)
    print("| table | decides | last family | by row | by source | in any stage |\n|---|--:|--:|---|--:|--:|")
    for name, table in TABLES.items():
        found = agreement(table, cases)
        low, high = wilson_interval(found.last, found.n)
        row = f"{100 * found.last / found.n:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
        print(
            f"| {name} | {found.decided} of {found.n} | {found.last} | {row} | {100 * found.by_source:.1f} % "
            f"| {100 * found.any / found.n:.1f} % |"
        )
    decidable = [case for case in cases if predibase(case)]
    print(f"\nOn the {len(decidable)} that Predibase's chart decides:")
    for name, table in TABLES.items():
        print(f"  {name}: {agreement(table, decidable).last} of {len(decidable)}")
    for case in cases:
        if list(ours(case))[-1:] != [actual(case)]:
            print(f"missed: {case['id']}: {decide(facts_of(case)).stages}, was {case['methods_in_order']}")
    for case in negative(all_cases):
        print(f"negative: {case['id']}: {'heeded' if heeded(case) else 'NOT heeded'}")


if __name__ == "__main__":
    main()
