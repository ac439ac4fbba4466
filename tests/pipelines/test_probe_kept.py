"""What was measured of a plan's model before the plan ran is not measured again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.plan_file import load_plan
from pipelines.probe_kept import FOLDER, take_over
from pipelines.probing import Silent, probe
from pipelines.runner import DONE, Options, run_plan
from pipelines.state import steps
from tests.pipelines.test_runner import BASE, Notes

Writer = Callable[..., Path]
PROBE = {"type": "probe", "name": "look", "rows": 6, "samples_per_prompt": 2, "max_new_tokens": 4, "stop_early": True}


def run(plan: Path, *force: str) -> list[str]:
    notes = Notes()
    assert run_plan(load_plan(plan), plan.parent / "run", Options(force=force), notes) == DONE
    return [line for line in notes.lines if "look" in line]


def record_of(plan: Path, stage: str = "look") -> dict[str, Any]:
    (path,) = (plan.parent / "run" / "stages").glob(f"{stage}-*/done.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_probe_made_before_the_run_is_taken_over_with_its_answers(write_plan: Writer) -> None:
    plan = write_plan(BASE, PROBE)
    before = probe(load_plan(plan), Silent())
    assert before.found is not None
    where = before.folder.relative_to(plan.parent)
    said = f"measured before this run, in {where}"
    assert run(plan) == [f"look says {said}", "skipped look"]
    record = record_of(plan)
    assert record["stage"] == "look"
    assert record["numbers"] == before.found.model_dump(mode="json") | {"styles": [], "notes": [said]}
    (folder,) = (plan.parent / "run" / "stages").glob("look-*")
    for name in ("samples.jsonl", "prompts.jsonl"):
        assert (folder / name).read_text() == (before.folder / name).read_text() != ""
    assert said in (plan.parent / "run" / "report.md").read_text().replace("\\", "")
    assert run(plan) == ["skipped look"], "the second time it is the stage's own record"
    assert run(plan, "look")[0] == "started look: it has not run yet", "what is forced is measured"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("probed") / "_probe"


@pytest.fixture
def probed(write_plan: Writer, tmp_path: Path, elsewhere: Path) -> Path:
    """What was measured of the plan with PROBE alone, beside the plan; its folder."""
    if not elsewhere.is_dir():
        assert probe(load_plan(write_plan(PROBE)), Silent()).code == DONE
        shutil.copytree(tmp_path / FOLDER, elsewhere)
    shutil.copytree(elsewhere, tmp_path / FOLDER, dirs_exist_ok=True)
    (done,) = (tmp_path / FOLDER / "stages").glob("*/done.json")
    return done.parent


def taken(plan: Path) -> str | None:
    loaded = load_plan(plan)
    step = {step.stage.name: step for step in steps(loaded, plan.parent / "run")}["look"]
    return take_over(loaded, step)


def test_what_was_measured_is_taken(write_plan: Writer, probed: Path) -> None:
    assert taken(write_plan(PROBE)) == f"measured before this run, in {FOLDER / 'stages' / probed.name}"


@pytest.mark.parametrize(
    ("stages", "keys"),
    [
        ([PROBE | {"rows": 5}], {}),
        ([PROBE | {"stop_early": False}], {}),
        ([PROBE | {"styles": ["answer_only"]}], {}),
        ([PROBE], {"seed": 1}),
        ([PROBE], {"graders": {"answer": {"type": "exact_match"}}}),
        ([PROBE | {"reward": "other"}], {"graders": {"answer": {"type": "numeric"}, "other": {"type": "exact_match"}}}),
        ([{"type": "sft", "name": "sft"}, PROBE], {}),
        ([PROBE | {"reward": "answer"}], {"metric": "likelihood"}),
    ],
)
@pytest.mark.usefixtures("probed")
def test_what_would_be_measured_otherwise_is_not(
    write_plan: Writer, stages: list[dict[str, Any]], keys: dict[str, Any]
) -> None:
    plan = write_plan(*stages, **keys)
    assert taken(plan) is None
    assert not list(plan.parent.glob("run/stages/*/done.json"))


@pytest.mark.parametrize(("name", "left"), [("samples.jsonl", None), ("prompts.jsonl", None), ("done.json", "{")])
def test_without_its_answers_or_its_record_nothing_is_taken(
    write_plan: Writer, probed: Path, name: str, left: str | None
) -> None:
    (probed / name).unlink()
    if left is not None:
        (probed / name).write_text(left)
    assert taken(write_plan(PROBE)) is None
