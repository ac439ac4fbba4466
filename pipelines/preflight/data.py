"""Rows: how many there are where, which are dropped, and what the checks of pipelines/data/checks find."""

from collections.abc import Iterator

from graders.errors import UserError
from pipelines.data.checked import read_preferences
from pipelines.data.checks import check_rows, check_split
from pipelines.data.load import load_rows
from pipelines.data.rows import Finding, Split
from pipelines.data.spec import DataSpec
from pipelines.data.split import split_beside
from pipelines.data.table import listed
from pipelines.evals.compare import FEWEST_PROMPTS
from pipelines.plan import reads_preferences
from pipelines.preflight.record import Line, amber, green, of_error, red
from pipelines.preflight.subject import Subject

_FEW = 5


def lines(subject: Subject) -> Iterator[Line]:
    """Sizes, then findings. Equal findings of several parts stand once, with the part that has most rows."""
    split = subject.split
    yield _sizes(split)
    yield from (amber("data", note, "") for note in (*split.notes, *_limit_notes(split)))
    yield from _preferences(subject)
    yield from _regression(subject)
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    found = [(name, finding) for name, rows in parts.items() if rows.rows for finding in check_rows(rows)]
    told = [*found, *(("split", finding) for finding in check_split(split))]
    yield from (_line(name, finding) for name, finding in told if finding.severity != "note")
    notes = len({finding.check for _, finding in told if finding.severity == "note"})
    if all(finding.severity == "note" for _, finding in told):
        more = f"the checks find nothing but {notes} notes (finetune-advisor data FILE)"
        yield green("data", more if notes else "the checks find nothing")


def _sizes(split: Split) -> Line:
    train, validation, test = (len(part.rows) for part in (split.train, split.validation, split.test))
    said = f"{train:,} rows to train on, {validation:,} to choose by, {test:,} to prove with"
    if test < FEWEST_PROMPTS:
        fix = "a test file, or a larger split.test"
        return amber("data", f"{said}: under {FEWEST_PROMPTS} test rows no gain can be claimed", fix, test)
    return green("data", said, train, "rows")


def _preferences(subject: Subject) -> Iterator[Line]:
    """Pairs or marked answers of a file of their own: sizes, and what the checks find."""
    spec = subject.plan.data
    if spec.preferences is None:
        return
    if not any(reads_preferences(subject.plan, stage) for stage in subject.plan.stages):
        told = "no stage learns from the preferences (reward_model, dpo and kto do)"
        yield amber("data", told, "add such a stage, or take them out of the plan")
    try:
        rows = read_preferences(spec, subject.loaded.folder)
        parts = split_beside(rows, subject.split, spec)
    except UserError as error:
        yield of_error("data", error)
        return
    train, validation = (
        sum(row.is_pair or row.is_marked for row in part.rows) for part in (parts.train, parts.validation)
    )
    said = f"preferences: {train:,} to train on, {validation:,} to choose by"
    yield (
        green("data", said, train, "rows")
        if train
        else red("data", said, "rows with a chosen and a rejected answer", "name another file")
    )
    yield from (amber("data", note, "") for note in parts.notes if note not in subject.split.notes)
    yield from (_line("preferences", finding) for finding in check_rows(rows) if finding.severity != "note")


def _regression(subject: Subject) -> Iterator[Line]:
    """Rows of other tasks, on which no model may get worse."""
    source = subject.plan.evaluation.regression
    if source is None:
        return
    try:
        rows = load_rows(source, DataSpec(train=source), subject.loaded.folder).rows
        yield green("data", f"{len(rows):,} rows of other tasks to show no regression on", len(rows), "rows")
    except UserError as error:
        yield of_error("data", error)


def _limit_notes(split: Split) -> list[str]:
    return [note for note in split.train.notes if note.startswith("limited to")]


def _line(part: str, finding: Finding) -> Line:
    more = " ..." if finding.count > _FEW else ""
    rows = [f"rows {listed(finding.rows[:_FEW])}{more}"] if finding.rows else []
    said = "; ".join([finding.message if part == "split" else f"{part}: {finding.message}", *rows])
    if finding.severity == "error":
        return red("data", said, "", finding.fix)
    return amber("data", said, finding.fix, finding.count)
