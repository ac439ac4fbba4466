"""Several runs side by side: each run's final model, paired with the first run's where they answered the same rows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from graders.errors import UserError
from pipelines.evals.compare import Comparison, compare
from pipelines.evals.grades import GradedRow, read_grades
from pipelines.evals.summary import Report, StageReport


@dataclass(frozen=True, slots=True)
class RunResult:
    """name: of the folder. final: the last model that is no control. to_first: None for the first run, and where rows
    or grader differ, which `why` says."""

    name: str
    report: Report
    final: StageReport
    to_first: Comparison | None
    why: str


def compared(folders: Sequence[Path]) -> list[RunResult]:
    """In the order given. Raises UserError for a folder without a report."""
    reports = [_report(folder) for folder in folders]
    finals = [_final(report, folder) for report, folder in zip(reports, folders, strict=True)]
    rows = [_grades(folder, final) for folder, final in zip(folders, finals, strict=True)]
    found = []
    for place, (folder, report, final) in enumerate(zip(folders, reports, finals, strict=True)):
        other, why = (None, "") if place == 0 else _paired(reports[0], rows[0], report, rows[place])
        found.append(RunResult(folder.name, report, final, other, why))
    return found


def _report(folder: Path) -> Report:
    path = folder / "report.json"
    try:
        return Report.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        happened = "there is no report in this folder"
        raise UserError(happened, "a run's folder, such as runs/NAME", "finetune-advisor run", str(folder)) from None
    except (OSError, ValueError, ValidationError) as error:
        first = str(error).splitlines()[0]
        fix = "run again; nothing that is done runs twice"
        raise UserError(f"the report cannot be read: {first}", "report.json of this version", fix, str(path)) from None


def _final(report: Report, folder: Path) -> StageReport:
    line = [stage for stage in report.stages if not stage.control]
    if not line:
        raise UserError("the report has no model that is no control", "an evaluation", "run further", str(folder))
    return line[-1]


def _grades(folder: Path, final: StageReport) -> list[GradedRow]:
    """Those of the newest finished evaluation of that name."""
    done = [path for path in folder.glob(f"stages/{final.name}-????????/done.json")]
    if not done:
        raise UserError(f"the answers of `{final.name}` are gone", "the run's stages/ as they were", where=str(folder))
    newest = max(done, key=lambda path: path.stat().st_mtime_ns)
    return read_grades(newest.with_name("grades.jsonl"))


def _paired(
    first: Report, before: Sequence[GradedRow], report: Report, after: Sequence[GradedRow]
) -> tuple[Comparison | None, str]:
    if first.grader != report.grader:
        return None, "another grader, so the numbers cannot be compared"
    prompts = {row.index: row.prompt_key for row in before}
    if prompts != {row.index: row.prompt_key for row in after}:
        return None, "other test rows, so only the rates stand beside each other"
    return compare(before, after), ""
