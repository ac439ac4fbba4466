"""What a rule of each kind is. To add one, add an entry to its table; `reason` is a format string over `f`, Facts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from advisor.facts import Facts, Family

Method = Literal["sft", "rejection_sampling", "grpo", "reft", "dpo", "kto", "reward_model", "ppo", "best_of_n"]
FAMILY: dict[Method, Family] = {
    "sft": "sft",
    "rejection_sampling": "rft",
    "grpo": "rft",
    "reft": "rft",
    "dpo": "rlhf",
    "kto": "rlhf",
    "reward_model": "rlhf",
    "ppo": "rlhf",
    "best_of_n": "rlhf",
}
When = Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """Where `when` holds, the family `outcome` is advised."""

    id: str
    when: When
    outcome: Family
    reason: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Veto:
    """Where `when` holds, the family `forbids` is out, whatever the rules say."""

    id: str
    when: When
    forbids: Family
    reason: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Barrier:
    """Where `when` holds, the advice is not to train now; the family says what would be trained afterwards."""

    id: str
    when: When
    outcome: Literal["collect", "do_not_tune"]
    reason: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StageRule:
    """Where the family is among `outcomes` and `when` holds, the pipeline gets `method` next."""

    id: str
    outcomes: tuple[Family, ...]
    when: When
    method: Method
    reason: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Caution:
    """Where the family is among `outcomes` and `when` holds, the record carries this warning."""

    id: str
    outcomes: tuple[Family, ...]
    when: When
    reason: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """What to do when a pipeline with one of `methods` comes to `found`. gate: `run` stops there by itself."""

    id: str
    methods: tuple[Method, ...]
    found: str
    then: str
    sources: tuple[str, ...]
    gate: bool = False
    when: When = lambda _: True


@dataclass(frozen=True, slots=True)
class Change:
    """Another world to try the decision in."""

    text: str
    apply: Callable[[Facts], Facts]
