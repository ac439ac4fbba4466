"""What a stage of type `reward_model` tells of the model it left: read from disk, as it will be used.

In: the model's folder, the pairs. Out: checks.json and reliability.png in the stage's folder, and the record's numbers:
those of pipelines/evals/reward_checks.py, the quick baseline's accuracy, the annotators' ceiling where several people
judged the same pairs, and how the policy's own answers score beside the pairs'.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from graders.reward_model import MEMBER, Scorer, lowest, read_centre, ready_to_pad
from pipelines.data.rows import Row, Split
from pipelines.data.split import prompt_hash
from pipelines.evals.reliability_plot import draw_reliability
from pipelines.evals.reward_checks import Scored, check
from pipelines.files import write_json
from pipelines.job import Job
from pipelines.models import load_policy, load_tokenizer
from pipelines.plan import ModelSpec
from pipelines.preferences.answers import read_answers
from pipelines.preferences.ceiling import annotator_ceiling
from pipelines.sampling import Sampling, sample
from pipelines.training import answer_limit
from reward_models.examples import Pair
from reward_models.model import load_body

HELD_SHARE = 5
"""Where the plan has no validation part, one prompt in so many is held out of the training part."""
DRIFT_PROMPTS = 100
CENTRE_PAIRS = 500
"""A mean over 1,000 answers is known to a thirtieth of their spread; scoring all would cost a third of a training."""


@dataclass(frozen=True, slots=True)
class Parts:
    """held chooses nothing. prompts: rows of the held-out pairs, one a prompt, for the policy's own samples."""

    learned: list[Pair]
    held: list[Pair]
    prompts: list[Row]


def held_apart(split: Split, margins: bool) -> Parts:
    """The pairs to learn from and those to check by; margins: whether training hears how much better."""
    train, held = list(split.train.rows), list(split.validation.rows)
    if not held:
        apart = [int(prompt_hash(row, "held")[:8], 16) % HELD_SHARE == 0 for row in train]
        held = [row for row, is_held in zip(train, apart, strict=True) if is_held]
        train = [row for row, is_held in zip(train, apart, strict=True) if not is_held]
    prompts = list({prompt_hash(row): row for row in held}.values())[:DRIFT_PROMPTS]
    return Parts([_pair(row, margins) for row in train], [_pair(row, False) for row in held], prompts)


def _pair(row: Row, margins: bool) -> Pair:
    margin = row.columns.get("margin") if margins else None
    known = float(margin) if isinstance(margin, int | float) and not isinstance(margin, bool) else None
    return Pair(row.messages, str(row.chosen), str(row.rejected), row.number, known, row.columns.get("tie") is True)


def checked(job: Job, split: Split, parts: Parts, quick_accuracy: float | None) -> dict[str, Any]:
    """Measures, writes both files, tells the user in a sentence, and returns the numbers.

    quick_accuracy: of the quick baseline; None where the model is that baseline itself.
    """
    members = sorted(job.model_folder.glob(f"{MEMBER}*"))
    scorers = [scorer_of(folder, job.plan.model) for folder in (job.model_folder, *members)]
    held = scored(scorers, parts.held)
    checks: dict[str, Any] = check(held, parts.learned) if held else {"held_out_pairs": 0}
    ceiling = annotator_ceiling(read_answers(job.rows) if job.rows else split.train)
    quick = checks.get("accuracy") if quick_accuracy is None else quick_accuracy
    checks |= {"quick_accuracy": quick, "ceiling": list(ceiling) if ceiling else None}
    checks |= _drift(job, split, scorers, (parts.prompts, held)) if held else {}
    write_json(job.folder / "checks.json", checks)
    if held:
        draw_reliability(checks["reliability"], job.folder / "reliability.png")
    _say(job, checks)
    return checks


def loading(where: str, spec: ModelSpec) -> dict[str, Any]:
    """How a body is loaded."""
    revision = None if Path(where).is_dir() else spec.revision
    return {"revision": revision, "trust_remote_code": spec.trust_remote_code}


def scorer_of(folder: Path, spec: ModelSpec) -> Scorer:
    """A reward model as it stands on disk, in fp32, with its centre."""
    tokenizer = load_tokenizer(str(folder), spec)
    model = load_body(str(folder), torch.float32, loading(str(folder), spec), tokenizer.pad_token_id)
    ready_to_pad(model, tokenizer)
    return Scorer(model.to("cuda" if torch.cuda.is_available() else "cpu").eval(), tokenizer, read_centre(folder))


def scored(scorers: Sequence[Scorer], pairs: Sequence[Pair]) -> list[Scored]:
    """Pairs with both numbers of the ensemble; ties and those that exceed the context are left out."""
    chosen = _numbers(scorers, [(pair.messages, pair.chosen) for pair in pairs])
    rejected = _numbers(scorers, [(pair.messages, pair.rejected) for pair in pairs])
    return [
        Scored(pair, better, worse)
        for pair, better, worse in zip(pairs, chosen, rejected, strict=True)
        if better is not None and worse is not None and not pair.tie
    ]


def _numbers(scorers: Sequence[Scorer], answers: Sequence[tuple[Any, str]]) -> list[float | None]:
    return [lowest(numbers) for numbers in zip(*(scorer.numbers(answers) for scorer in scorers), strict=True)]


def centre_of(folder: Path, spec: ModelSpec, pairs: Sequence[Pair]) -> float:
    """The mean number that the model in this folder gives both sides of the pairs, or of CENTRE_PAIRS spread over
    them."""
    scorer = scorer_of(folder, spec)
    some = pairs[:: -(-len(pairs) // CENTRE_PAIRS)] if pairs else pairs
    numbers = [value for one in scored([scorer], some) for value in (one.chosen, one.rejected)]
    return scorer.centre + sum(numbers) / len(numbers) if numbers else scorer.centre


def _drift(
    job: Job, split: Split, scorers: Sequence[Scorer], known: tuple[Sequence[Row], Sequence[Scored]]
) -> dict[str, float]:
    """How the policy's own answers score beside the answers in the held-out pairs: far outside, nothing is known.

    known: rows to answer, and the held-out pairs with their numbers.
    """
    prompts, held = known
    policy = load_policy(job.policy, job.plan.model, "draw")
    args = job.plan.model.template_args
    settings = Sampling(answer_limit(split.train.rows, policy, args), 1.0, seed=job.plan.seed)
    answers = sample(policy, [row.messages for row in prompts], settings, args, job.progress)
    asked = [(row.messages, some[0].text) for row, some in zip(prompts, answers, strict=True)]
    own = [number for number in _numbers(scorers, asked) if number is not None]
    inside = [value for one in held for value in (one.chosen, one.rejected)]
    outside = sum(not min(inside) <= number <= max(inside) for number in own)
    return {
        "policy_mean": sum(own) / max(1, len(own)),
        "chosen_mean": sum(one.chosen for one in held) / len(held),
        "rejected_mean": sum(one.rejected for one in held) / len(held),
        "policy_outside": outside / max(1, len(own)),
    }


def _say(job: Job, checks: dict[str, Any]) -> None:
    if not checks["held_out_pairs"]:
        job.progress.say("no pair is held out, so nothing is known of this reward model")
        return
    low, high = checks["accuracy_interval"]
    people = f"; people reach at most {checks['ceiling'][0]:.1%} on each other" if checks["ceiling"] else ""
    job.progress.say(
        f"{checks['accuracy']:.1%} of {checks['held_out_pairs']} held-out pairs are right [{low:.1%}, {high:.1%}]; "
        f"length alone {checks['length_only']:.1%}, quick {checks['quick_accuracy']:.1%}{people}"
    )
