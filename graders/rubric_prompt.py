"""What the judge of a rubric is told and shown, and how its verdict on all points is read."""

from collections.abc import Mapping, Sequence
from typing import Any

from graders.base import Sample
from graders.judge_prompt import FENCES, greedy
from graders.llm.chat import Form, Question
from graders.llm.fence import as_text, cut_in_the_middle, fenced

_POINT = {
    "type": "object",
    "properties": {"point": {"type": "integer"}, "reason": {"type": "string"}, "met": {"type": "boolean"}},
    "required": ["point", "reason", "met"],
    "additionalProperties": False,
}
_FORM = Form(
    "points",
    {
        "type": "object",
        "properties": {"points": {"type": "array", "items": _POINT}},
        "required": ["points"],
        "additionalProperties": False,
    },
)


def points_question(texts: Sequence[str], sample: Sample, tokens: int) -> Question:
    """Which of the points does the completion meet?"""
    listed = "\n".join(f"{number}. {' '.join(text.split())}" for number, text in enumerate(texts, 1))
    task = (
        "You decide, point by point, whether a completion does what a rubric lists. A point is met only if the "
        "completion itself fully does it; one that speaks of something bad is met if the completion does that. Where "
        f"a reference is shown, it is a right answer.\n\n{FENCES}\n\nPoints:\n{listed}\n\n"
        'Reply with one JSON object and nothing else: {"points": [{"point": 1, "reason": "...", "met": true or '
        "false}, ...]}, with every point once, in order. Give each reason first."
    )
    shown = {"prompt": sample.prompt, "completion": cut_in_the_middle(sample.completion)}
    if sample.reference is not None:
        shown["reference"] = as_text(sample.reference)
    return Question((("system", task), ("user", fenced(shown))), _FORM, greedy(tokens))


def met_points(verdict: Mapping[str, Any], count: int) -> list[tuple[bool, str]] | None:
    """Whether each point is met, and why; None unless every point from 1 to `count` is decided once."""
    decided: dict[object, tuple[bool, str]] = {}
    entries = verdict["points"]
    if not isinstance(entries, list) or len(entries) != count:
        return None
    for entry in entries:
        number = entry.get("point") if isinstance(entry, Mapping) else None
        if type(number) is not int or not isinstance(entry.get("met"), bool):
            return None
        decided[number] = (entry["met"], str(entry.get("reason", "")))
    places = range(1, count + 1)
    return [decided[place] for place in places] if decided.keys() == set(places) else None
