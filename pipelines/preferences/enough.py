"""Whether people gave enough answers for a plan to go on. In: the file of answers, the rows. Out: pairs decided."""

from collections import Counter
from collections.abc import Set
from pathlib import Path

from pipelines.data.checked import load_checked
from pipelines.data.rows import Row, Split
from pipelines.data.split import prompt_hash
from pipelines.plan import Label, Plan
from pipelines.preferences.answers import Answer, preferences, read_answers

Pair = tuple[str, frozenset[str]]
"""The hash of a prompt, and two completions of it."""


def prompts_to_train_on(split: Split) -> frozenset[str]:
    """Hashes of the prompts that training may see; pairs about others count for nothing."""
    return frozenset(prompt_hash(row) for row in (*split.train.rows, *split.validation.rows))


def prompt_of(answer: Answer) -> str:
    """The hash of its prompt, as a row's."""
    return prompt_hash(Row(0, tuple(turn.model_dump() for turn in answer.messages)))


def decided(answer: Answer, prompts: Set[str]) -> set[Pair]:
    """The pairs of different completions that an answer decides."""
    prompt = prompt_of(answer)
    if prompt not in prompts:
        return set()
    found = preferences(answer)
    return {
        (prompt, frozenset((pair.chosen, pair.rejected)))
        for pair in found
        if pair.chosen.strip() != pair.rejected.strip()
    }


def pairs_decided(path: Path, split: Split) -> int:
    """Distinct pairs that some answer of the file decides; 0 without a file."""
    answers = read_answers(path) if path.exists() else []
    prompts = prompts_to_train_on(split)
    return len({pair for answer in answers for pair in decided(answer, prompts)})


def wanted(stage: Label, plan: Plan, base: Path) -> str | None:
    """What people's answers lack, in words; None when they are enough."""
    path = base / stage.answers
    found = pairs_decided(path, load_checked(plan.data, base))
    if found >= stage.at_least:
        return None
    missing = f"{stage.at_least - found} of {stage.at_least} pairs are missing"
    who = Counter(answer.annotator for answer in read_answers(path)) if path.exists() else {}
    told = ", ".join(f"{name} {count}" for name, count in sorted(who.items())) or "none"
    return f"{missing}; answers so far: {told}"
