"""The preference pairs that reward models, DPO and PPO's checks read, split as the plan splits its rows.

From people's answers where an earlier stage of type `label` collected some, else from the file that `data.preferences`
names, else from the plan's own rows with a chosen and a rejected answer. A pair's part follows from its prompt, as a
row's does; so no prompt is on two sides.
"""

from collections.abc import Iterable
from dataclasses import replace

from graders.errors import UserError
from pipelines.data.checked import load_preferences
from pipelines.data.rows import Row, Rows, Split
from pipelines.data.split import prompt_hash
from pipelines.job import Job
from pipelines.preferences.answers import Answer, preferences, read_answers, ties


def load_pairs(job: Job, with_ties: bool = False) -> Split:
    """Rows with `chosen` and `rejected`; raises UserError where the training part has none.

    with_ties: also what people found as good as each other, with a true column `tie`: a reward model learns from it.
    """
    split = load_preferences(job.plan.data, job.base)
    found = _from_answers(job, split, with_ties) if job.rows is not None else _own(split)
    if all(row.columns.get("tie") is True for row in found.train.rows):
        raise UserError(
            "there are no preference pairs to train on",
            "rows with a chosen and a rejected answer, or an earlier stage of type `label`",
            "name their columns: data.columns {chosen: NAME, rejected: NAME}",
            split.train.source,
        )
    return found


def _own(split: Split) -> Split:
    train, validation, test = (_pairs(part) for part in (split.train, split.validation, split.test))
    return replace(split, train=train, validation=validation, test=test)


def _pairs(part: Rows) -> Rows:
    return part.only(row for row in part.rows if row.is_pair)


def _from_answers(job: Job, split: Split, with_ties: bool) -> Split:
    """Of answers to prompts that are in no part any more, nothing is used."""
    assert job.rows is not None
    held = {
        name: {prompt_hash(row) for row in part.rows}
        for name, part in (("validation", split.validation), ("train", split.train))
    }
    parts: dict[str, list[Row]] = {"train": [], "validation": []}
    for number, answer in enumerate(read_answers(job.rows), start=1):
        for row in [*answer_rows(number, answer), *(_tied_rows(number, answer) if with_ties else ())]:
            name = next((name for name, prompts in held.items() if prompt_hash(row) in prompts), None)
            if name is not None and str(row.chosen).strip() != str(row.rejected).strip():
                parts[name].append(row)
    made = [answer_table(str(job.rows), parts[name]) for name in ("train", "validation")]
    return replace(split, train=made[0], validation=made[1], test=_pairs(split.test))


def answer_rows(number: int, answer: Answer) -> list[Row]:
    """The pairs that an answer decides, as rows; `number` is the answer's line."""
    messages = tuple(turn.model_dump() for turn in answer.messages)
    said = {"annotator": answer.annotator, "source": answer.source}
    return [
        Row(number, messages, chosen=one.chosen, rejected=one.rejected, columns={**said, "margin": one.margin})
        for one in preferences(answer)
    ]


def _tied_rows(number: int, answer: Answer) -> list[Row]:
    messages = tuple(turn.model_dump() for turn in answer.messages)
    return [Row(number, messages, chosen=one, rejected=other, columns={"tie": True}) for one, other in ties(answer)]


def answer_table(source: str, rows: Iterable[Row]) -> Rows:
    """Such rows as the loader would return them."""
    return Rows(source, "answers", {"chosen": "ranking", "rejected": "ranking"}, tuple(rows))
