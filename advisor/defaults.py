"""What each question of the interview is answered by where nobody answers it: measured where the data can tell."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from advisor.answers import Answer
from advisor.checks import NONE, STARTER, UNKNOWN, Value
from advisor.probing import probe_seconds
from advisor.profile import DataProfile
from pipelines.probe_result import Probed

_INSTRUCT = re.compile(r"instruct|chat|[-_](it|sft|dpo|rl)\b", re.IGNORECASE)
_CHECKABLE = {"number", "one_of_few", "json", "short_text"}
A_MOMENT, A_WHILE = 60.0, 3600.0
"""Seconds of a probe: up to the one it is made unless somebody says no, up to the other a person is asked."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a default may look at. told: answers given so far; profile: None where there is no data; probed: what the
    model did on the rows, None where it was not tried."""

    folder: Path
    profile: DataProfile | None = None
    told: Mapping[str, Value] = field(default_factory=dict)
    gpu_gib: float = 0.0
    probed: Probed | None = None

    @property
    def model(self) -> str:
        """The model as told, or the embedded one."""
        return str(self.told.get("model", STARTER))


def task(context: Context) -> Answer:
    if context.profile is None:
        return Answer("not said yet", "assumed")
    kinds = {
        "number": "a number",
        "one_of_few": f"one of {len(context.profile.answers.labels)} labels",
        "json": "JSON",
        "short_text": "a few words",
        "none": "an answer that can be checked",
    }
    kind = kinds.get(context.profile.answers.kind, "text")
    return Answer(f"Answer the prompts of {Path(context.profile.source).name} with {kind}", "assumed")


def name(context: Context) -> Answer:
    if context.profile is None:
        return Answer("my-task", "assumed")
    path = (context.folder / context.profile.source).resolve()
    stem = path.name.split(".")[0]
    plain = re.fullmatch(r"(?i)(.*[-_])?(train|training|data|dataset|validation|valid|dev|test)([-_]?\d+)?", stem)
    words = (path.parent.name if plain else stem).casefold()
    return Answer(re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:40].strip("-") or "my-task", "assumed")


def measured(value: Callable[[DataProfile], Value], without: Value) -> Callable[[Context], Answer]:
    """The default that the profile gives; `without` data it is only assumed."""

    def default(context: Context) -> Answer:
        if context.profile is None:
            return Answer(without, "assumed")
        return Answer(value(context.profile), "measured")

    return default


def assumed(value: Value) -> Callable[[Context], Answer]:
    return lambda _: Answer(value, "assumed")


def verifiable(context: Context) -> Answer:
    """Measured where a grader was tried on the rows' own answers, else a guess from the kind of answer."""
    if (told := context.told.get("grader")) is not None:
        return Answer(told != NONE, "told")
    profile = context.profile
    if profile is None:
        return Answer(False, "assumed")
    fits = profile.fit is not None and profile.fit.fits and profile.answers.kind != "short_text"
    return Answer(profile.answers.kind in _CHECKABLE, "measured" if fits else "assumed")


def grader(context: Context) -> Answer:
    fit = context.profile.fit if context.profile else None
    if fit is None or not fit.fits or context.told.get("verifiable") is False:
        return Answer(NONE, "measured" if context.profile else "assumed")
    return Answer(fit.grader.type, "measured")


def _seconds_to_try(context: Context) -> float | None:
    """Of a probe, where one can be made."""
    named = str(context.told.get("grader", grader(context).value))
    return probe_seconds(context.profile, named, context.model, context.folder)


def probe(context: Context) -> Answer:
    """Where it takes a moment, nothing is gained by assuming."""
    seconds = _seconds_to_try(context)
    return Answer(seconds is not None and seconds <= A_MOMENT, "assumed")


def probe_takes_a_while(context: Context) -> bool:
    seconds = _seconds_to_try(context) if context.gpu_gib else None
    return seconds is not None and A_MOMENT < seconds <= A_WHILE


def reasoning_helps(context: Context) -> Answer:
    """Only trying the model both ways can measure it."""
    if context.probed is not None and context.probed.reasoning_helps is not None:
        return Answer(context.probed.reasoning_helps, "measured")
    if context.profile is None:
        return Answer(UNKNOWN, "assumed")
    if context.profile.answers.worked or context.profile.word_problems:
        return Answer(True, "assumed")
    bare = context.profile.answers.kind in {"one_of_few", "json", "short_text"}
    return Answer(False if bare else UNKNOWN, "assumed")


def format_new(context: Context) -> Answer:
    if context.probed is not None and context.probed.format_new is not None:
        return Answer(context.probed.format_new, "measured")
    if context.model == STARTER:
        return Answer(True, "assumed")
    return Answer(False if _INSTRUCT.search(context.model) else UNKNOWN, "assumed")


def no_data(context: Context) -> bool:
    return context.profile is None


def can_be_checked(context: Context) -> bool:
    return context.told.get("verifiable", verifiable(context).value) is True


def unmeasured(default: Callable[[Context], Answer]) -> Callable[[Context], bool]:
    """Whether a person is to be asked what the probe did not tell."""
    return lambda context: can_be_checked(context) and default(context).origin != "measured"


def other_model(context: Context) -> bool:
    return context.model != STARTER
