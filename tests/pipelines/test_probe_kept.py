"""What was measured of a plan's model before the plan ran is not measured again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.plan_file import load_plan
from pipelines.probing import Silent, probe
from pipelines.runner import DONE, Options, run_plan
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


@pytest.mark.parametrize(
    ("stages", "keys"),
    [
        ([PROBE | {"rows": 5}], {}),
        ([PROBE | {"stop_early": False}], {}),
        ([PROBE | {"styles": ["answer_only"]}], {}),
        ([PROBE], {"seed": 1}),
        ([PROBE], {"graders": {"answer": {"type": "exact_match"}}}),
        ([PROBE | {"reward": "other"}], {"graders": {"answer": {"type": "numeric"}, "other": {"type": "exact_match"}}}),
    ],
)
def test_what_would_be_measured_otherwise_is_measured(
    write_plan: Writer, stages: list[dict[str, Any]], keys: dict[str, Any]
) -> None:
    assert probe(load_plan(write_plan(PROBE)), Silent()).code == DONE
    assert run(write_plan(*stages, **keys))[0].startswith("started look: it has not run yet")


@pytest.mark.parametrize(("name", "left"), [("samples.jsonl", None), ("done.json", "{")])
def test_without_its_answers_or_its_record_it_is_measured_again(
    write_plan: Writer, name: str, left: str | None
) -> None:
    plan = write_plan(PROBE)
    path = probe(load_plan(plan), Silent()).folder / name
    path.unlink()
    if left is not None:
        path.write_text(left)
    assert run(plan)[0].startswith("started look: it has not run yet")


def test_a_trained_model_is_probed_itself(write_plan: Writer) -> None:
    sft = {"type": "sft", "name": "sft", "epochs": 1, "batch_size": 8, "learning_rate": 1e-3}
    plan = write_plan(sft, PROBE)
    assert probe(load_plan(plan), Silent()).code == DONE
    assert run(plan)[0].startswith("started look: it has not run yet")


def test_a_plan_without_a_grader_has_nothing_to_take_over(write_plan: Writer) -> None:
    assert probe(load_plan(write_plan(PROBE)), Silent()).code == DONE
    plan = write_plan(PROBE | {"reward": "answer"}, metric="likelihood")
    assert run(plan)[0].startswith("started look: it has not run yet")
