"""`preferences audit` on what users hold: people's answers, a file of pairs, or a plan. Out: a PreferenceAudit."""

from pathlib import Path

from graders.errors import UserError
from pipelines.data.checked import read_preferences
from pipelines.data.load import load_rows
from pipelines.data.rows import SHOWN_ROWS, Finding, Rows, Split
from pipelines.data.spec import DataSpec
from pipelines.data.split import limit_rows, load_split, split_beside
from pipelines.data.text import decode, read_bytes
from pipelines.plan import Label, Plan
from pipelines.plan_file import load_plan
from pipelines.preferences.answers import numbered_lines, read_answer
from pipelines.preferences.audit import audit_preferences
from pipelines.preferences.audit_record import PreferenceAudit
from pipelines.preferences.collected import Collected, collected_answers, split_or_none
from pipelines.preferences.votes import Numbered, votes_of

_LOOKED_AT = 5


def audit_file(spec: DataSpec, base: Path) -> PreferenceAudit:
    """spec: its `train` is the file to audit, the rest how its rows are read. Paths start from `base`.

    Raises UserError for what the user can mend: a missing file, rows without pairs.
    """
    path = base / Path(spec.train).expanduser()
    if path.suffix in (".yaml", ".yml"):
        return audit_preferences(_of_plan(path))
    if (text := _answers_text(path)) is not None:
        return audit_preferences(_of_answers(spec.train, text, None))
    return audit_preferences(_of_rows(spec, base))


def _of_plan(path: Path) -> Collected:
    """The answers of its `label` stage where the file is there, else the pairs of its rows."""
    loaded = load_plan(path)
    answers = _answers_path(loaded.plan, loaded.folder)
    if answers is None and loaded.plan.data.preferences is not None:
        spec, folder = loaded.plan.data, loaded.folder
        rows = read_preferences(spec, folder)
        return Collected(rows, tuple(votes_of(rows)), (), split_beside(rows, load_split(spec, folder), spec))
    if answers is None:
        return _of_rows(loaded.plan.data, loaded.folder)
    text = decode(read_bytes(answers), str(answers))
    return _of_answers(str(answers), text, load_split(loaded.plan.data, loaded.folder))


def _answers_path(plan: Plan, folder: Path) -> Path | None:
    named = [folder / stage.answers for stage in plan.stages if isinstance(stage, Label)]
    return next((path for path in named if path.is_file()), None)


def _of_rows(spec: DataSpec, base: Path) -> Collected:
    rows = load_rows(spec.train, spec, base)
    rows = rows if spec.limit is None else limit_rows(rows, spec.limit)
    if "chosen" not in rows.roles:
        raise UserError(
            "these rows hold no preferences",
            "a chosen and a rejected answer, or two answers and who preferred which, or answers of `label`",
            "name the columns: --column chosen=NAME --column rejected=NAME",
            rows.source,
        )
    return Collected(rows, tuple(votes_of(rows)), (), _split(spec, base, rows))


def _split(spec: DataSpec, base: Path, rows: Rows) -> Split | None:
    """As the plan would; None where so few rows leave a part empty. Files that are named must be readable."""
    if spec.validation is not None or spec.test is not None:
        return load_split(spec, base)
    return split_or_none(rows, spec.split)


def _answers_text(path: Path) -> str | None:
    """The file's text where its first lines are answers; None else."""
    if not path.is_file():
        return None
    data = read_bytes(path)
    if b'"ranking"' not in data[:200_000] or b'"completions"' not in data[:200_000]:
        return None
    text = decode(data, str(path))
    first = numbered_lines(text)[:_LOOKED_AT]
    return text if any(line.lstrip().startswith("{") and '"ranking"' in line for _, line in first) else None


def _of_answers(source: str, text: str, parts: Split | None) -> Collected:
    """Lines that are no answers are told together, each with its fault, and left out."""
    answers: list[Numbered] = []
    faults: list[tuple[int, str]] = []
    for number, line in numbered_lines(text):
        try:
            answers.append((number, read_answer(line, f"{source}:{number}")))
        except UserError as error:
            faults.append((number, error.happened))
    if not answers:
        raise UserError("no line is an answer", "answers as `finetune-advisor label` writes them", where=source)
    return collected_answers(source, answers, parts, _unreadable(faults))


def _unreadable(faults: list[tuple[int, str]]) -> tuple[Finding, ...]:
    if not faults:
        return ()
    said = "; ".join(f"line {number}: {fault}" for number, fault in faults[:3]) + ("; ..." if faults[3:] else "")
    rows = tuple(number for number, _ in faults[:SHOWN_ROWS])
    message = f"{len(faults)} lines are no answers: {said}"
    return (Finding("unreadable", "error", message, len(faults), rows, "mend them"),)
