"""What rejection sampling kept and why, as files that a person can argue with and a later stage can read.

kept.jsonl: an answer a line, loads as prompt and completion. prompts.jsonl: a prompt a line, with what was dropped for
which reason. pairs.jsonl: a right and a wrong answer to one prompt, as two conversations, for DPO.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.files import write_text
from pipelines.keep_right import Answer, Choice

KEPT, PROMPTS, PAIRS = FILES = ("kept.jsonl", "prompts.jsonl", "pairs.jsonl")


def write_choices(folder: Path, choices: Sequence[Choice], keep: str) -> None:
    """Writes the three files. keep: the plan's."""
    write_text(folder / KEPT, _lines(_kept(choice, answer, keep) for choice in choices for answer in choice.kept))
    write_text(folder / PROMPTS, _lines(map(_prompt, choices)))
    write_text(folder / PAIRS, _lines(_pair(choice, *pair) for choice in choices for pair in choice.pairs))


def _kept(choice: Choice, answer: Answer, keep: str) -> Mapping[str, Any]:
    hinted = "found with a hint; " if answer.hinted else ""
    best = f"the best of {choice.scored}; " if keep == "best" else ""
    return {
        "row": choice.row.number,
        "round": answer.round,
        "prompt": choice.row.prompt,
        "completion": answer.text,
        "score": answer.graded.score,
        "why": f"{hinted}{best}{answer.graded.reason}",
    }


def _prompt(choice: Choice) -> Mapping[str, Any]:
    return {
        "row": choice.row.number,
        "prompt": choice.row.prompt,
        "scored": choice.scored,
        "right": choice.right,
        "kept": len(choice.kept),
        "dropped": dict(choice.dropped),
    }


def _pair(choice: Choice, right: str, wrong: str) -> Mapping[str, Any]:
    def chat(answer: str) -> list[Mapping[str, Any]]:
        return [*choice.row.messages, {"role": "assistant", "content": answer}]

    return {"row": choice.row.number, "chosen": chat(right), "rejected": chat(wrong)}


def _lines(items: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
