"""The sampled and graded answers of a round, kept in files part by part, so that a killed stage loses one part at most.

In: a policy's folder and rows. Out: plain-0000.jsonl, …: graded answers of some rows each. Every part has its own
seed, so the answers are the same whether or not the stage was stopped in between. Several processes share the parts;
each waits until all are there.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from graders.base import Grader
from pipelines import processes
from pipelines.answering import Answerer, answerer
from pipelines.data.rows import Message, Row
from pipelines.evals.grades import GradedRow, read_grades, write_grades
from pipelines.evals.score import grade_completions
from pipelines.files import write_json
from pipelines.hint import with_hint
from pipelines.job import Job, Progress
from pipelines.plan import RejectionSampling
from pipelines.sampling import Sampling
from pipelines.served_spec import Served

_PART = 512
"""Answers in a part; one batch or some, which is seconds of a small model and minutes of a large one."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. folder: of the files. policy: a model folder or hub id. seed: of the first part.

    hint: with the right answer in the prompt, which the grader does not see. seconds: after which no further part is
    asked, whose prompts stay without answers; parts then come in random order. None: all are asked. served: who is
    asked instead of the policy.
    """

    folder: Path
    policy: str
    rows: Sequence[Row]
    seed: int
    hint: bool
    seconds: float | None = None
    served: Served | None = None

    def path(self, number: int) -> Path:
        """Of one part."""
        return self.folder / f"{'hinted' if self.hint else 'plain'}-{number:04d}.jsonl"

    def asked_path(self, number: int) -> Path | None:
        """What a server answered of a part that is not done yet; a model here answers a part anew."""
        return self.folder / f"asked-{self.path(number).name}" if self.served else None

    def messages(self, row: Row) -> Sequence[Message]:
        """What the policy reads."""
        return with_hint(row) if self.hint else row.messages


def answered(job: Job, grader: Grader, request: Request, train_rows: Sequence[Row]) -> dict[int, list[GradedRow]]:
    """Row number → graded answers, none for a prompt that leaves no room for one. train_rows tell an answer's length.

    Raises Stopped when a signal came; finished parts stay.
    """
    parts = _parts(request.rows, job.config(RejectionSampling).samples_per_prompt)
    mine = range(processes.rank(), len(parts), processes.count())
    missing = [number for number in mine if not request.path(number).exists()]
    if missing:
        _fill(job, grader, request, (parts, missing), train_rows)
    wait_for([request.path(number) for number in range(len(parts))], job.progress)
    found: dict[int, list[GradedRow]] = {row.number: [] for row in request.rows}
    for number in range(len(parts)):
        for graded in read_grades(request.path(number)):
            found[graded.index].append(graded)
    return found


def sampling_seconds(folder: Path) -> float:
    """Wall time of all parts in a folder, over all processes and resumed runs."""
    by_process = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("seconds-*.json")]
    return max((sum(times.values()) for times in by_process), default=0.0)


def wait_for(paths: Sequence[Path], progress: Progress) -> None:
    """Until other processes have written these files; raises Stopped when a signal came."""
    for path in paths:
        while not path.exists():
            progress.check()
            time.sleep(0.1)


def _parts(rows: Sequence[Row], samples: int) -> list[list[Row]]:
    """Rows of like prompt length together, so that batches are filled with little padding."""
    ordered = sorted(rows, key=lambda row: -sum(len(str(message["content"])) for message in row.messages))
    size = max(1, _PART // samples)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def _fill(
    job: Job, grader: Grader, request: Request, work: tuple[list[list[Row]], list[int]], train_rows: Sequence[Row]
) -> None:
    parts, missing = work
    stage = job.config(RejectionSampling)
    asked = answerer(replace(job, policy=request.policy), request.served, stage.max_new_tokens, train_rows, "draw")
    settings = Sampling(asked.limit, stage.temperature, stage.samples_per_prompt)
    seconds_path = request.folder / f"seconds-{processes.rank()}.json"
    seconds = json.loads(seconds_path.read_text(encoding="utf-8")) if seconds_path.exists() else {}
    total = sum(map(len, parts)) * stage.samples_per_prompt
    for number in _in_order(missing, request):
        if seconds and request.seconds is not None and sum(seconds.values()) >= request.seconds:
            job.progress.say(f"out of time: {len(parts[number])} prompts are not asked")
            write_grades(request.path(number), [])
            continue
        begun = time.monotonic()
        before = sum(len(part) for place, part in enumerate(parts) if place < number) * stage.samples_per_prompt
        with job.progress.part(before, total):
            # A part takes fewer seeds than it has answers: one a batch.
            drawing = replace(settings, seed=request.seed + number * _PART)
            graded = _graded(asked, grader, request, number, (parts[number], drawing))
        seconds[request.path(number).stem] = time.monotonic() - begun
        write_json(seconds_path, seconds)
        write_grades(request.path(number), graded)
        if kept := request.asked_path(number):
            kept.unlink(missing_ok=True)
        if number == 0 and not request.hint and not any(one.passed and not one.truncated for one in graded):
            job.progress.say(f"none of the first {len(graded)} answers passes; if no other does, nothing can be kept")


def _in_order(missing: list[int], request: Request) -> list[int]:
    """Parts hold prompts of like length, so those that time allows must not be the longest alone."""
    return missing if request.seconds is None else Random(request.seed).sample(missing, len(missing))


def _graded(
    asked: Answerer, grader: Grader, request: Request, number: int, wanted: tuple[list[Row], Sampling]
) -> list[GradedRow]:
    """The answers to the rows that leave room for one, graded."""
    rows = [row for row in wanted[0] if asked.room([request.messages(row)]) >= asked.limit]
    answers = asked.answers([request.messages(row) for row in rows], wanted[1], request.asked_path(number))
    each = [row for row, some in zip(rows, answers, strict=True) for _ in some]
    return grade_completions(grader, each, [answer for some in answers for answer in some])
