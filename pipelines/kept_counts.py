"""What rejection sampling kept and dropped, in numbers and in words. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from graders.errors import UserError
from pipelines.keep_right import Choice

_FIXES = {
    "cut off": "raise max_new_tokens",
    "unscored": "mend the grader or the references: `finetune-advisor grade validate` names what is missing",
    "unanswered": "shorten the prompts, or lower max_new_tokens: no prompt leaves room for an answer",
}
_WARM_UP = "put an sft stage on worked rows first, set hint: true, or raise samples_per_prompt"


def counts(choices: Sequence[Choice], seconds: float) -> dict[str, Any]:
    """Numbers of a round, over the answers of all rounds so far. seconds: of the round's sampling and grading.

    unanswered: prompts that leave no room for an answer.
    """
    return {
        "prompts": len(choices),
        "unanswered": sum(choice.scored == 0 and not choice.dropped for choice in choices),
        "solved_prompts": sum(choice.solved for choice in choices),
        "kept": sum(len(choice.kept) for choice in choices),
        "dropped": dict(_dropped(choices).most_common()),
        "pairs": sum(len(choice.pairs) for choice in choices),
        "sampling_seconds": round(seconds, 2),
    }


def sentence(told: Mapping[str, Any]) -> str:
    """The counts for a person."""
    why = ", ".join(f"{count} {reason}" for reason, count in told["dropped"].items()) or "none"
    solved = f"{told['solved_prompts']} of {told['prompts']} prompts solved"
    return f"{solved}, {told['kept']} answers kept; dropped: {why}"


def nothing_kept(choices: Sequence[Choice], where: Path) -> UserError:
    """Says for which reason most answers were dropped, and what helps against that."""
    dropped = _dropped(choices) or Counter({"unanswered": len(choices)})
    reason, count = dropped.most_common(1)[0]
    return UserError(
        f"no sampled answer can be kept, and no row has a completion: {count} of {dropped.total()} are {reason}",
        "a model that is right now and then",
        _FIXES.get(reason, _WARM_UP),
        str(where),
    )


def _dropped(choices: Sequence[Choice]) -> Counter[str]:
    found: Counter[str] = Counter()
    for choice in choices:
        found.update(choice.dropped)
    return found
