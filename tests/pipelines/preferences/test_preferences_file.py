"""`data.preferences`: pairs in a file of their own, beside the rows that SFT and RL learn from."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from advisor.cli.main import run_command
from advisor.pilot.arms import arms
from advisor.pilot.rows import preferred
from graders.errors import UserError
from pipelines.data.checked import load_checked, load_preferences
from pipelines.data.load import load_rows
from pipelines.data.spec import DataSpec, SplitSpec
from pipelines.data.split import prompt_hash
from pipelines.plan import Training
from pipelines.plan_file import load_plan
from pipelines.preferences.on_files import audit_file
from pipelines.state import steps

Writer = Callable[..., Path]
SFT, DPO = {"type": "sft", "name": "sft"}, {"type": "dpo", "name": "dpo"}


def write(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def pairs(prompts: list[str]) -> list[dict[str, str]]:
    return [{"prompt": prompt, "chosen": f"Gladly: {prompt}", "rejected": f"No. {prompt}"} for prompt in prompts]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """300 demonstrations, and 250 pairs of which 50 ask what a demonstration asks."""
    write(tmp_path / "rows.jsonl", [{"prompt": f"Say {n}.", "completion": f"{n}"} for n in range(300)])
    write(tmp_path / "pairs.jsonl", pairs([f"Say {n}." for n in range(50)] + [f"May I {n}?" for n in range(200)]))
    return tmp_path


def test_pairs_are_split_by_their_prompts_and_stay_where_these_are(folder: Path) -> None:
    spec = DataSpec(train="rows.jsonl", preferences="pairs.jsonl")
    rows, learned = load_checked(spec, folder), load_preferences(spec, folder)
    assert sum(len(part.rows) for part in (learned.train, learned.validation, learned.test)) == 250
    assert all(row.is_pair for row in learned.train.rows)
    for part, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        held = {prompt_hash(row) for row in getattr(rows, other).rows}
        assert not held & {prompt_hash(row) for row in getattr(learned, part).rows}
    assert not any(row.is_pair for row in rows.train.rows)


def test_pairs_that_ask_what_the_test_file_asks_are_dropped(folder: Path) -> None:
    write(folder / "test.jsonl", [{"prompt": f"May I {n}?", "completion": f"Yes, {n}."} for n in range(40)])
    spec = DataSpec(train="rows.jsonl", test="test.jsonl", preferences="pairs.jsonl", split=SplitSpec(validation=0.2))
    learned = load_preferences(spec, folder)
    asked = {row.messages[-1]["content"] for part in (learned.train, learned.validation) for row in part.rows}
    assert len(learned.train.rows) + len(learned.validation.rows) == 210
    assert len(learned.validation.rows) > 20
    assert not asked & {f"May I {n}?" for n in range(40)}
    assert learned.notes[-1] == "40 rows of pairs.jsonl were dropped: their prompts are in the test file"


def test_a_template_of_the_plan_is_filled_where_the_file_has_its_columns(folder: Path) -> None:
    spec = DataSpec(train="rows.jsonl", preferences="pairs.jsonl", prompt="Q: {{prompt}}", system="Be brief.")
    (row, *_) = load_preferences(spec, folder).train.rows
    assert [turn["role"] for turn in row.messages] == ["system", "user"]
    assert row.messages[1]["content"].startswith("Q: ")
    other = spec.model_copy(update={"prompt": "Q: {{completion}}"})
    assert not load_preferences(other, folder).train.rows[0].messages[1]["content"].startswith("Q: ")


def test_new_pairs_rerun_what_reads_them_alone(folder: Path, write_plan: Writer) -> None:
    plan = write_plan(SFT, DPO, data={"train": "rows.jsonl", "preferences": "pairs.jsonl"})
    before = steps(load_plan(plan), folder / "run")
    write(folder / "pairs.jsonl", pairs([f"May I {n}?" for n in range(100)]))
    after = steps(load_plan(plan), folder / "run")
    assert before[0].fingerprint == after[0].fingerprint
    assert before[1].fingerprint != after[1].fingerprint
    changed = [key for key in before[1].parts if before[1].parts[key] != after[1].parts[key]]
    assert changed == ["preferences"]


def test_a_file_beside_a_stage_that_collects_answers_is_refused(folder: Path, write_plan: Writer) -> None:
    data = {"train": "rows.jsonl", "preferences": "pairs.jsonl"}
    plan = write_plan({"type": "label", "name": "label"}, DPO, data=data)
    with pytest.raises(UserError, match="a stage of type `label` collects preferences already"):
        load_plan(plan)


def test_init_advises_and_plans_by_a_file_of_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"prompt": f"{n} + {n} = ?", "completion": f"{n}+{n}={2 * n}\n#### {2 * n}"} for n in range(300)]
    write(tmp_path / "rows.jsonl", [{**row, "reference": row["completion"].split()[-1]} for row in rows])
    write(tmp_path / "pairs.jsonl", pairs([f"May I {n}?" for n in range(600)]))
    plan = tmp_path / "plan.yaml"
    told = ["--data", "rows.jsonl", "--preferences", "pairs.jsonl"]
    assert run_command(["init", *told, "--no-probe", "--yes"]) == 0
    assert "on the 600 pairs" in plan.read_text()
    loaded = load_plan(plan).plan
    assert loaded.data.preferences == "pairs.jsonl"
    assert [stage.type for stage in loaded.stages if isinstance(stage, Training)][-1] == "dpo"
    write(tmp_path / "pairs.jsonl", pairs([f"May I {n}?" for n in range(20)]))
    assert run_command(["init", *told, "--no-probe", "--yes", "--force"]) == 0
    assert load_plan(plan).plan.data.preferences is None, "too few for DPO"


def test_a_pilot_races_dpo_where_pairs_stand_in_a_file_of_their_own(folder: Path, write_plan: Writer) -> None:
    data = {"train": "rows.jsonl", "preferences": "pairs.jsonl"}
    loaded = load_plan(write_plan(SFT, DPO, data=data))
    split = load_checked(loaded.plan.data, folder)
    assert "dpo" not in [arm.method for arm in arms(loaded.plan, split)]
    assert "dpo" in [arm.method for arm in arms(loaded.plan, split, preferred=preferred(loaded))]


def test_the_audit_of_a_plan_looks_at_the_file(folder: Path, write_plan: Writer) -> None:
    plan = write_plan(SFT, DPO, data={"train": "rows.jsonl", "preferences": "pairs.jsonl"})
    assert audit_file(DataSpec(train=str(plan)), folder).measures.num_pairs == 250


def test_one_file_may_hold_demonstrations_results_and_pairs(tmp_path: Path) -> None:
    rows = [
        {"prompt": "2 + 3 = ?", "completion": "2+3=5\n#### 5", "reference": "5"},
        {"prompt": "2 + 4 = ?", "reference": "6"},
        *pairs(["2 + 5 = ?"]),
    ]
    write(tmp_path / "mixed.jsonl", rows)
    shown, bare, pair = load_rows("mixed.jsonl", DataSpec(train="mixed.jsonl"), tmp_path).rows
    assert (shown.demonstration, shown.reference, shown.is_pair) == ("2+3=5\n#### 5", "5", False)
    assert (bare.demonstration, bare.reference, bare.is_pair) == (None, "6", False)
    assert pair.is_pair
