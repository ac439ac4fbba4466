"""The proof of a run as two files: report.json for machines, report.md for people. Same input, same bytes.

The numbers are made in pipelines/evals/summary.py, the words in verdict.py, the page in markdown.py.
"""

from collections.abc import Sequence
from pathlib import Path

from pipelines.evals.markdown import rendered
from pipelines.evals.summary import Evaluated, Report, Setting, build_report
from pipelines.files import write_text


def write_report(folder: Path, models: Sequence[Evaluated], setting: Setting) -> Report:
    """Writes report.json and report.md, each atomically. Raises UserError when the folder cannot be written."""
    report = build_report(models, setting)
    write_text(folder / "report.json", report.model_dump_json(indent=2) + "\n")
    write_text(folder / "report.md", rendered(report, models))
    return report
