"""Completions for people to compare, from the policy as it is.

In: a policy, prompts of the plan's training and validation rows (never test), chosen by hash. Out: candidates.jsonl,
a line for each prompt with its distinct completions, written as they come, so that people can begin before the end;
nothing where the committed answers are enough already; gaps.json, where the stage names a grader: how sure it is of
each. `finetune-advisor label` shows them.
"""

from collections.abc import Iterable, Sequence

from graders.base import Grader
from graders.errors import UserError
from pipelines.data.checked import load_checked
from pipelines.data.rows import Row, Split
from pipelines.data.split import prompt_hash
from pipelines.files import digest_text, write_json
from pipelines.job import Job, Numbers
from pipelines.models import Policy, load_policy
from pipelines.plan import Label
from pipelines.preferences.answers import Turn
from pipelines.preferences.enough import pairs_decided
from pipelines.preferences.questions import (
    CANDIDATES,
    GAPS,
    Question,
    add_candidates,
    as_turns,
    is_plain,
    read_candidates,
)
from pipelines.rewards import sample_of
from pipelines.sampling import Completion, Sampling, sample

AT_ONCE = 32
"""Prompts that are answered together: enough for a GPU, and people have something to look at after each so many."""
ROUNDS = 3
"""A prompt whose completions are too much alike is asked so many times."""


def run(job: Job) -> Numbers:
    """The stage function of `label`."""
    stage = job.config(Label)
    split = load_checked(job.plan.data, job.base)
    decided = pairs_decided(job.base / stage.answers, split)
    if decided >= stage.at_least:
        job.progress.say(f"{stage.answers} decides {decided} pairs already: nothing is sampled")
        return {"prompts": 0, "comparable": 0}
    path = job.folder / CANDIDATES
    prompts = [as_turns(row.messages) for row in asked(split, stage.prompts)]
    done = {found.messages for found in read_candidates(path)}
    left = [prompt for prompt in prompts if prompt not in done]
    if left:
        _sample_all(job, stage, split, left)
    if stage.reward is not None:
        rows = (*split.train.rows, *split.validation.rows)
        write_json(job.folder / GAPS, gaps(job.plan.graders[stage.reward], read_candidates(path), rows))
    counts = [len(found.completions) for found in read_candidates(path)]
    comparable = sum(count > 1 for count in counts)
    _require_enough(stage, comparable, decided + sum(count * (count - 1) // 2 for count in counts), len(prompts))
    return {"prompts": len(prompts), "comparable": comparable}


def _require_enough(stage: Label, comparable: int, pairs: int, prompts: int) -> None:
    """Nobody shall answer for hours and then learn that it could not suffice."""
    if pairs < stage.at_least:
        raise UserError(
            f"{comparable} of {prompts} prompts got different completions: {pairs} pairs at most",
            f"{stage.at_least} pairs, as at_least says",
            "raise temperature, prompts or completions, add rows, or lower at_least",
        )


def asked(split: Split, limit: int) -> list[Row]:
    """The rows whose prompts people are shown, each prompt once, in the order of a hash; plain turns of text only."""
    rows = [row for row in (*split.train.rows, *split.validation.rows) if is_plain(row)]
    by_hash = {prompt_hash(row, "label"): row for row in rows}
    return [by_hash[key] for key in sorted(by_hash)[:limit]]


def gaps(grader: Grader, questions: Sequence[Question], rows: Iterable[Row]) -> dict[str, float]:
    """A question's id → how far apart its two highest rewards lie: where the grader is least sure, people tell most
    (uncertainty sampling, Lewis & Gale 1994). Questions with fewer than two rewards are left out.

    rows: those that the questions' prompts are of.
    """
    by_prompt = {as_turns(row.messages): row for row in rows if is_plain(row)}
    asked = [(question, text) for question in questions for text in question.completions]
    samples = [sample_of(by_prompt[question.messages], Completion(text, "", 0, False)) for question, text in asked]
    known: dict[str, list[float]] = {}
    for (question, _), grade in zip(asked, grader.grade_all(samples), strict=True):
        reward = grader.reward(grade)
        known.setdefault(question.id, []).extend([] if reward is None else [reward])
    highest = {name: sorted(rewards)[-2:] for name, rewards in known.items() if len(rewards) > 1}
    return {name: above - below for name, (below, above) in highest.items()}


def _sample_all(job: Job, stage: Label, split: Split, prompts: Sequence[tuple[Turn, ...]]) -> None:
    from pipelines.training import answer_limit, require_room

    policy = load_policy(job.policy, job.plan.model, "draw")
    limit = stage.max_new_tokens or answer_limit(split.train.rows, policy, job.plan.model.template_args)
    require_room(limit, policy)
    total = len(prompts) * stage.completions
    job.progress.say(f"samples {stage.completions} completions to each of {len(prompts)} prompts")
    for start in range(0, len(prompts), AT_ONCE):
        some = prompts[start : start + AT_ONCE]
        with job.progress.part(start * stage.completions, total):
            add_candidates(job.folder / CANDIDATES, _candidates(job, stage, policy, limit, some))


def _candidates(
    job: Job, stage: Label, policy: Policy, limit: int, prompts: Sequence[tuple[Turn, ...]]
) -> list[Question]:
    """Distinct completions of each prompt, in the order they were sampled."""
    found: dict[tuple[Turn, ...], dict[str, None]] = {prompt: {} for prompt in prompts}
    for number in range(ROUNDS):
        lacking = [prompt for prompt in prompts if len(found[prompt]) < stage.completions]
        if not lacking:
            break
        seed = int(digest_text(repr((job.plan.seed, number, lacking)))[:8], 16)
        drawing = Sampling(limit, stage.temperature, stage.completions, seed)
        asked_of = [[turn.model_dump() for turn in prompt] for prompt in lacking]
        answers = sample(policy, asked_of, drawing, job.plan.model.template_args, job.progress)
        for prompt, some in zip(lacking, answers, strict=True):
            found[prompt] |= dict.fromkeys(completion.text for completion in some)
    return [Question(messages=prompt, completions=tuple(found[prompt])[: stage.completions]) for prompt in prompts]
