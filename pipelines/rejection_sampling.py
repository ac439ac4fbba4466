"""Rejection sampling fine-tuning, in rounds: sample, grade, keep the right and distinct, train (Yuan et al. 2023,
arXiv 2308.01825; ReST-EM, Singh et al. 2023, arXiv 2312.06585).

In: a policy, training rows with something to grade against. Out: a policy; kept.jsonl (what was trained on beside the
rows' own completions, and why), prompts.jsonl (what became of each prompt's answers), pairs.jsonl (right beside wrong,
for DPO), and rounds/: every graded answer. Each round samples from the newest model (the first may ask a served one
instead) and trains on what was kept of all rounds so far; prompts that are always solved are asked no more. The rounds
end when two running are below the best one by the plan's metric on validation rows, or nothing new is kept; the best
round's model is left, and the input model where no training on what was kept ever got better.
"""

import gc
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graders.base import Grader
from pipelines import processes
from pipelines.data.checked import load_checked
from pipelines.data.formats import require_text
from pipelines.data.rows import Row, Split
from pipelines.data.worked import compared_with
from pipelines.files import remove_tree, write_json
from pipelines.grader_rows import checked_grader
from pipelines.hint import can_be_hinted
from pipelines.job import Job, Numbers
from pipelines.keep_right import Answer, Choice, Rules, choose
from pipelines.kept_counts import counts, nothing_kept, sentence
from pipelines.kept_files import FILES, write_choices
from pipelines.plan import RejectionSampling
from pipelines.reasoning_paths import checks_equations, form_of
from pipelines.round_answers import Request, answered, sampling_seconds, wait_for
from pipelines.rounds import best_round, goes_on
from pipelines.sft import EASIER, LEFT, imitate

Pool = dict[int, list[Answer]]
"""Row number → its answers of all rounds so far, in order."""


@dataclass(frozen=True, slots=True)
class _Stage:
    """What all rounds share."""

    job: Job
    config: RejectionSampling
    split: Split
    grader: Grader
    rules: Rules

    def folder(self, number: int) -> Path:
        return self.job.folder / "rounds" / str(number)

    def newest_policy(self, number: int) -> str:
        """What a round samples from."""
        return self.job.policy if number == 1 else str(self.folder(number - 1) / "model")


def run(job: Job) -> Numbers:
    """The stage function of `rejection_sampling`."""
    stage = _stage(job)
    pool: Pool = {row.number: [] for row in stage.split.train.rows}
    rounds: list[dict[str, Any]] = []
    choices: dict[int, list[Choice]] = {}
    while goes_on(rounds, stage.config.rounds):
        number = len(rounds) + 1
        _ask(stage, number, pool)
        choices[number] = [choose(row, pool[row.number], stage.rules) for row in stage.split.train.rows]
        rounds.append(_trained(stage, number, choices))
        _free_disk(stage, rounds)
    best = best_round(rounds)
    _leave(stage, best["round"])
    return _numbers(stage, rounds, best)


def _stage(job: Job) -> _Stage:
    config = job.config(RejectionSampling)
    split = load_checked(job.plan.data, job.base)
    require_text(split.train)
    grader = checked_grader(job, job.reward_name, split.train.rows)
    shown = [row.demonstration for row in split.train.rows if row.demonstration is not None]
    form = form_of(grader, shown)
    beside = config.demonstrations != "unsolved"
    rules = Rules(config.keep, config.max_kept_per_prompt, form, checks_equations(form, shown), beside)
    if config.demonstrations == "left_out":
        split = replace(split, train=split.train.only(map(compared_with, split.train.rows)))
    return _Stage(job, config, split, grader, rules)


def _ask(stage: _Stage, number: int, pool: Pool) -> None:
    """Adds a round's answers to the pool: to every prompt that is not always solved, then to those never solved."""
    rows = [row for row in stage.split.train.rows if not _always_solved(pool[row.number])]
    stage.job.progress.say(
        f"round {number} of at most {stage.config.rounds}: "
        f"samples {stage.config.samples_per_prompt} answers to each of {len(rows)} prompts"
    )
    _add(stage, number, pool, rows, hint=False)
    unsolved = [row for row in rows if can_be_hinted(row) and not any(answer.right for answer in pool[row.number])]
    if stage.config.hint and unsolved:
        stage.job.progress.say(f"round {number}: asks {len(unsolved)} never-solved prompts again with a hint")
        _add(stage, number, pool, unsolved, hint=True)


def _add(stage: _Stage, number: int, pool: Pool, rows: Sequence[Row], hint: bool) -> None:
    seed = stage.job.plan.seed + (2 * number + hint << 32)  # the plan's own seeds are below 2 ** 32
    most = _seconds_a_round(stage, stage.job.most_seconds, 2)
    served = stage.config.served if number == 1 else None
    request = Request(stage.folder(number) / "answers", stage.newest_policy(number), rows, seed, hint, most, served)
    for row_number, graded in answered(stage.job, stage.grader, request, stage.split.train.rows).items():
        pool[row_number] += [Answer(number, hint, one) for one in graded]


def _always_solved(answers: Sequence[Answer]) -> bool:
    return bool(answers) and all(answer.right for answer in answers)


def _trained(stage: _Stage, number: int, choices: Mapping[int, Sequence[Choice]]) -> dict[str, Any]:
    """A round's record, round.json, after its training; read from the file when that is done already."""
    path = stage.folder(number) / "round.json"
    if not path.exists():
        told = counts(choices[number], sampling_seconds(stage.folder(number) / "answers"))
        stage.job.progress.say(f"round {number}: {sentence(told)}")
        if processes.is_first():
            write_choices(stage.folder(number), choices[number], stage.config.keep)
        new = number == 1 or _texts(choices[number]) != _texts(choices[number - 1])
        numbers = _train(stage, number, choices[number]) if new else {}
        if LEFT in numbers:
            stage.job.progress.say(f"round {number}: {numbers[LEFT]}")
        if processes.is_first():
            own = sum(_shown(stage, choice) for choice in choices[number])
            last = {"trained": new, "validation_score": numbers.get("validation_score"), "training": dict(numbers)}
            write_json(path, {"round": number, **told, "own": own, **last})
    wait_for([path], stage.job.progress)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _texts(choices: Sequence[Choice]) -> list[list[str]]:
    return [[answer.text for answer in choice.kept] for choice in choices]


def _train(stage: _Stage, number: int, choices: Sequence[Choice]) -> Numbers:
    own = [choice.row for choice in choices if _shown(stage, choice)]
    kept = [(choice.row, answer.text) for choice in choices for answer in choice.kept]
    if not own and not kept:
        raise nothing_kept(choices, stage.folder(number) / "answers")
    _free_memory()
    job, config = stage.job, stage.config
    seconds = _seconds_a_round(stage, job.match_seconds)
    most = _seconds_a_round(stage, job.most_seconds, 2)
    policy = job.policy if config.start == "base" else stage.newest_policy(number)
    sampled = [replace(row, completion=text, desirable=None) for row, text in kept]
    part = replace(job, folder=stage.folder(number), policy=policy, match_seconds=seconds, most_seconds=most)
    rows = stage.split.train.only(own + sampled)
    return imitate(part, config, rows, stage.split.validation.rows, start="counts")


def _shown(stage: _Stage, choice: Choice) -> bool:
    """Whether the row's own demonstration is trained on."""
    return choice.row.demonstration is not None and (stage.rules.beside or not choice.kept)


def _seconds_a_round(stage: _Stage, seconds: float | None, parts: int = 1) -> float | None:
    """A round's share of the stage's time; half of it (parts = 2) is for sampling, half for training."""
    return None if seconds is None else seconds / stage.config.rounds / parts


def _free_memory() -> None:
    """The model that sampled, and the last round's trainer, are held by cycles; sizing asks what is free."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _free_disk(stage: _Stage, rounds: Sequence[Mapping[str, Any]]) -> None:
    """Only the best round's model may be left, and only the last one's is sampled from."""
    needed = {best_round(rounds)["round"], len(rounds)}
    for number in range(1, len(rounds)):
        if processes.is_first() and number not in needed:
            remove_tree(stage.folder(number) / "model")
            remove_tree(stage.folder(number) / "adapter")


def _leave(stage: _Stage, best: int) -> None:
    """Moves what the best round made into the stage's folder; harmless when it was done before."""
    if not processes.is_first():
        return
    for name in FILES:
        shutil.copyfile(stage.folder(best) / name, stage.job.folder / name)
    for name in ("adapter", "model"):
        made = stage.folder(best) / name
        if made.exists():
            remove_tree(stage.job.folder / name)
            made.rename(stage.job.folder / name)
    for path in stage.job.folder.glob("rounds/*/*"):
        if path.name in ("adapter", "model"):
            remove_tree(path)


def _numbers(stage: _Stage, rounds: Sequence[Mapping[str, Any]], best: Mapping[str, Any]) -> Numbers:
    """The best round's, and the seconds of all of them: sampling is part of the method's time."""
    seconds = sum(one["sampling_seconds"] + one["training"].get("train_seconds", 0.0) for one in rounds)
    shown = sum(row.demonstration is not None for row in stage.split.train.rows)
    name, training = stage.job.stage, dict(best["training"])
    notes = [f"{name}: {why}; {_what_else(stage)}."] if (why := training.pop(LEFT, None)) else []
    if not best["kept"]:
        note = f"{name}: no sampled answer was kept, so this was SFT on the {shown} rows that have a completion"
        stage.job.progress.say(note)
        notes.insert(0, f"{note}.")
    told = {key: value for key, value in best.items() if key not in ("round", "trained", "training")}
    return {
        "own": shown,  # before a round's own number: a stage begun by a version that counted none goes on
        **told,
        "best_round": best["round"],
        "compared_as": stage.rules.form,
        "equations_checked": stage.rules.checked,
        **training,
        "validation_before": rounds[0]["training"].get("validation_before"),
        "train_seconds": round(seconds, 2),
        "rounds": [dict(one) for one in rounds],
        **({"note": " ".join(notes)} if notes else {}),
    }


def _what_else(stage: _Stage) -> str:
    """What to try where training on what was kept made a model no better."""
    return EASIER if stage.config.demonstrations is None else "grpo learns from its wrong answers too"
