"""What the policy does as it is, and what RL could learn from it: from its answers to validation rows.

In: a policy, the plan's validation rows (or training rows, never test rows), the reward grader. Out: samples.jsonl
(every drawn answer with its grade), prompts.jsonl (each prompt's pass rate and spread), <style>.jsonl (greedy answers),
and a Probed. Styles are compared on the same rows, paired. With `stop_early` rows are asked in parts, and what is clear
is not asked any more. How many steps a gain takes is not foretold: it hangs on the task.
"""

import json
import time
from collections.abc import Sequence

from graders.errors import UserError
from pipelines import processes
from pipelines.data.checked import load_checked
from pipelines.data.rows import Row, Split
from pipelines.data.split import prompt_hash
from pipelines.evals.compare import compare, rate
from pipelines.evals.grades import GradedRow, write_grades
from pipelines.evals.looks import ALPHA, Look, difference_settled, looks, rate_settled, signal_settled
from pipelines.evaluate import chosen
from pipelines.files import write_text
from pipelines.grader_rows import checked_grader
from pipelines.job import Job, Numbers
from pipelines.plan import Probe
from pipelines.probe_answers import Answers, Asker
from pipelines.probe_numbers import Asked, names_answers, per_prompt, probed, scored_groups, style_found
from pipelines.probe_result import RowsFrom, StyleFound
from pipelines.prompt_styles import Style, choose_shots
from pipelines.sources import locate


def run(job: Job) -> Numbers:
    """The stage function of `probe`."""
    stage = job.config(Probe)
    split = load_checked(job.plan.data, job.base)
    shots = choose_shots(split.train.rows, split.validation.rows) if "few_shot" in stage.styles else []
    part, rows = _rows(job, split, stage.rows, shots)
    grader = checked_grader(job, job.reward_name, rows)
    job.progress.say(f"samples {stage.samples_per_prompt} answers to each of {len(rows)} {part} rows")
    asker = Asker(job, rows, split.train.rows, shots, grader)
    for note in asker.notes:
        job.progress.say(note)
    named = names_answers(grader, rows)
    asking = _Asking(job, asker, named, rows)
    for look in looks(len(rows), stage.stop_early):
        asking.go_on(look)
        if asking.settled:
            break
    if processes.is_first():
        asking.write()
    train_rows, notes = len(split.train.rows), (*asker.notes, *asker.model.notes().values())
    asked = Asked(stage, part, len(rows), train_rows, asker.limit, asking.rate, named, asking.alpha, notes)
    return probed(asking.groups, list(asking.found.values()), asked).model_dump(mode="json")


def _rows(job: Job, split: Split, most: int, shots: Sequence[Row]) -> tuple[RowsFrom, list[Row]]:
    """Validation rows. Training rows where there are none; also where they are few and the model is the plan's own,
    for to a model that was not trained yet one kind is as new as the other. In an order that hangs on no file.

    shots: training rows that are shown, so that they cannot be asked.
    """
    shown = {prompt_hash(row) for row in shots}
    train = [row for row in split.train.rows if prompt_hash(row) not in shown] or split.train.rows
    rows = chosen(split.validation.rows, most)
    more: list[Row] = []
    if not rows or (len(rows) < most and job.policy == locate(job.plan.model, job.base)):
        more = chosen(train, most - len(rows))
    part: RowsFrom = "validation and training" if rows and more else "training" if more else "validation"
    return part, sorted([*rows, *more], key=lambda row: (prompt_hash(row, "probe"), row.number))


class _Asking:
    """groups: drawn answers, prompt by prompt. alpha: of the last look at them. found: of each style."""

    def __init__(self, job: Job, asker: Asker, named: bool, rows: Sequence[Row]) -> None:
        self._job, self._asker, self._named, self._rows = job, asker, named, rows
        self._answers: dict[Style, Answers] = {style: Answers() for style in asker.styles}
        self.found: dict[Style, StyleFound] = {}
        self.groups: list[list[GradedRow]] = []
        self.alpha = ALPHA
        self._signal_settled = False
        self._seconds, self._resumed = 0.0, asker.resumed

    @property
    def settled(self) -> bool:
        return self._signal_settled and all(found.settled for found in self.found.values())

    @property
    def rate(self) -> float | None:
        """Drawn answers a second; None where some were kept from before a stop."""
        return None if self._resumed else sum(map(len, self.groups)) / self._seconds

    def go_on(self, look: Look) -> None:
        """Asks what is not settled yet, up to so many rows, and looks at it."""
        for style in self._open_styles():
            answers = self._answers[style]
            start = len(answers.graded)
            self._asker.greedy(style, self._rows[start : look.rows], start, answers)
            self.found[style] = self._look_at(style, look)
        if not self._signal_settled:
            self._draw(look)

    def _open_styles(self) -> list[Style]:
        """What is not settled, and the direct style with it: the others are compared on the same rows."""
        settled = {style for style, found in self.found.items() if found.settled}
        left = [style for style in self._asker.styles if style not in settled]
        return [style for style in self._asker.styles if left and (style in left or style == "direct")]

    def _look_at(self, style: Style, look: Look) -> StyleFound:
        """A style's answers so far, beside the direct ones."""
        answers, direct = self._answers[style], self._answers["direct"]
        if style == "direct":
            known = rate_settled(rate(direct.graded, look.alpha))
            return style_found(style, direct, self._named, look.alpha, None, known)
        alpha = look.alpha / (len(self._asker.styles) - 1)
        against = compare(_numbered(direct.graded), _numbered(answers.graded), self._job.plan.seed, alpha)
        return style_found(style, answers, self._named, alpha, against, difference_settled(against, alpha))

    def _draw(self, look: Look) -> None:
        if self._answers and not self.groups:
            self._asker.make_room(self._answers["direct"])
        start, began = len(self.groups), time.perf_counter()
        self.groups += self._asker.drawn(self._rows[start : look.rows], start)
        self._seconds += time.perf_counter() - began
        scored = scored_groups(self.groups)
        if not scored:
            raise UserError(
                f"no prompt has two answers that the grader could score, for example: {self.groups[0][0].reason}",
                "a reference that the grader reads, and a grader that is up",
                "finetune-advisor grade validate says what the rows lack",
                str(self._job.folder),
            )
        self.alpha = look.alpha
        self._signal_settled = signal_settled(scored, look.alpha)

    def write(self) -> None:
        """Leaves every answer with its grade."""
        folder = self._job.folder
        write_grades(folder / "samples.jsonl", [graded for group in self.groups for graded in group])
        write_text(folder / "prompts.jsonl", "".join(json.dumps(per_prompt(group)) + "\n" for group in self.groups))
        for style, answers in self._answers.items():
            write_grades(folder / f"{style}.jsonl", answers.graded)


def _numbered(graded: Sequence[GradedRow]) -> list[GradedRow]:
    """With their places as numbers: rows of two files may bear the same one."""
    return [row.model_copy(update={"index": place}) for place, row in enumerate(graded)]
