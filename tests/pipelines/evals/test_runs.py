"""Runs side by side: paired where rows and grader are the same, and said so where not."""

import json
from pathlib import Path

import pytest

from advisor.cli.main import run_command
from graders.errors import UserError
from pipelines.evals.grades import GradedRow, write_grades
from pipelines.evals.runs import compared
from pipelines.evals.summary import Evaluated, Setting, build_report
from pipelines.files import write_text
from tests.pipelines.evals.test_page import graded


def made(folder: Path, after: list[GradedRow], grader: str = "numeric") -> Path:
    """A run's folder with a report, as `run` leaves it."""
    base = [graded(row.index, False, prompt_key=row.prompt_key) for row in after]
    models = [Evaluated("base", "base", base), Evaluated("after", "sft", after, seconds=5.0)]
    write_text(folder / "report.json", build_report(models, Setting("r", {}, {"type": grader})).model_dump_json())
    write_grades(folder / "stages/after-12345678/grades.jsonl", after)
    write_text(folder / "stages/after-12345678/done.json", "{}")
    return folder


def test_runs_on_the_same_rows_are_paired_with_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = made(tmp_path / "first", [graded(n, n < 20) for n in range(60)])
    better = made(tmp_path / "better", [graded(n, n < 50) for n in range(60)])
    found = compared([first, better])
    assert found[0].to_first is None
    assert found[1].to_first is not None
    assert found[1].to_first.difference is not None
    assert found[1].to_first.difference.points == pytest.approx(50.0)
    assert run_command(["compare", str(first), str(better), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[1]["to_first"]["claim"] == "better"
    assert run_command(["compare", str(first), str(better)]) == 0
    assert "+50.0 (" in capsys.readouterr().out


def test_other_rows_or_another_grader_are_not_paired(tmp_path: Path) -> None:
    rows = [graded(n, True) for n in range(40)]
    first = made(tmp_path / "first", rows)
    fewer, judged = made(tmp_path / "fewer", rows[:30]), made(tmp_path / "judged", rows, "string_check")
    found = compared([first, fewer, judged])
    assert [one.to_first for one in found] == [None, None, None]
    assert found[1].why.startswith("other test rows")
    assert found[2].why.startswith("another grader")


def test_a_folder_that_is_no_run_and_a_broken_report_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no report in this folder"):
        compared([tmp_path])
    (tmp_path / "report.json").write_text('{"title": "half')
    with pytest.raises(UserError, match="the report cannot be read"):
        compared([tmp_path])
