"""Other worlds in which the decision is made again, to say what would change the advice."""

from dataclasses import replace

from advisor.facts import MANY_WORKED, Facts
from advisor.rules.families import FEW_LABELS, MANY_LABELS
from advisor.rules.kinds import Change
from advisor.rules.stages import FEW_PAIRS, FEW_PROMPTS, MANY_UNPAIRED


def _has(count: int | None, least: int) -> bool:
    return count is not None and count >= least


def _taught(f: Facts) -> Facts:
    return f if f.teacher else replace(f, teacher=True, demonstrations=True, labels=max(f.labels or 0, FEW_LABELS))


CHANGES: tuple[Change, ...] = (
    Change(
        "with fewer than 100 labelled rows",
        lambda f: replace(f, labels=FEW_LABELS - 1) if _has(f.labels, FEW_LABELS) else f,
    ),
    Change("with 100 labelled rows", lambda f: replace(f, labels=FEW_LABELS) if not _has(f.labels, FEW_LABELS) else f),
    Change(
        "with more than 100,000 labelled rows",
        lambda f: (
            replace(f, labels=MANY_LABELS + 1)
            if _has(f.labels, FEW_LABELS) and not _has(f.labels, MANY_LABELS + 1)
            else f
        ),
    ),
    Change(
        "with 500 answers that show steps",
        lambda f: (
            replace(f, labels=MANY_WORKED + f.bare, demonstrations=True)
            if f.known and not _has(f.labels, MANY_WORKED)
            else f
        ),
    ),
    Change("if thinking step by step helps", lambda f: replace(f, reasoning_helps=True)),
    Change("if thinking step by step does not help", lambda f: replace(f, reasoning_helps=False)),
    Change(
        "if a grader could score the answers",
        lambda f: f if f.gradable and f.verifiable else replace(f, verifiable=True, grader="custom"),
    ),
    Change("if nothing could grade the answers", lambda f: replace(f, verifiable=False, judged=False)),
    Change("if the task or its format is new to the model", lambda f: replace(f, format_new=True)),
    Change("if the model already knows task and format", lambda f: replace(f, format_new=False)),
    Change("with pairs of better and worse answers", lambda f: f if f.preferred else replace(f, pairs=1000)),
    Change("with fewer than 300 pairs", lambda f: replace(f, pairs=FEW_PAIRS - 1) if f.pairs >= FEW_PAIRS else f),
    Change("with 500 pairs", lambda f: replace(f, pairs=500) if 0 < f.pairs < FEW_PAIRS else f),
    Change(
        "if a reward model had passed its gate, and a thousand prompts had no pair",
        lambda f: replace(f, reward_model=True, unpaired=max(f.unpaired, MANY_UNPAIRED)),
    ),
    Change("with fewer than 100 prompts", lambda f: replace(f, prompts=min(f.prompts or FEW_PROMPTS, FEW_PROMPTS - 1))),
    Change(
        "if the model got nothing right now",
        lambda f: f if f.base_score is None else replace(f, base_score=0.0),
    ),
    Change(
        "if the model got more than 95 % right now",
        lambda f: replace(f, base_score=0.96) if not f.at_ceiling else f,
    ),
    Change("if a stronger model could write worked answers", _taught),
)
