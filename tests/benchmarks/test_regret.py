"""The regret benchmark: its cells are what their design says, and regret is read where it did not choose."""

import pytest

from benchmarks.regret.cell import Result
from benchmarks.regret.design import ARMS, HELD, OPEN, PREFERENCES, Cell
from benchmarks.regret.make import _plan
from benchmarks.regret.rows import easier, parts
from benchmarks.regret.table import best, published, regret
from pipelines.plan import Plan

MADE = [cell for cell in OPEN + HELD if cell.task != "mawps"]  # MAWPS needs its files
ONE_OF_EACH = list({(cell.task, cell.wrong > 0): cell for cell in MADE if cell.labels < 1000}.values())


def test_there_are_sixteen_open_and_eight_held_cells_with_names_and_seeds_of_their_own():
    assert (len(OPEN), len(HELD)) == (16, 8)
    assert len({cell.name for cell in OPEN + HELD}) == len({cell.seed for cell in OPEN + HELD}) == 24
    assert not {cell.task for cell in OPEN} & {cell.task for cell in HELD}


@pytest.mark.parametrize("cell", ONE_OF_EACH, ids=lambda cell: cell.name)
def test_a_cells_rows_are_as_its_design_says(cell):
    found = parts(cell, None)
    shown = [row for row in found["train"] if "completion" in row or "chosen" in row]
    assert len(shown) == cell.labels
    assert len(found["train"]) == cell.labels + cell.bare
    prompts = [{row["prompt"] for row in found[part]} for part in ("train", "validation", "test")]
    assert not prompts[0] & prompts[2]
    assert not prompts[1] & prompts[2]
    assert len(found["test"]) == 1000
    clean = parts(Cell(**{**{name: getattr(cell, name) for name in Cell.__slots__}, "wrong": 0.0}), None)
    assert found["test"] == clean["test"], "test rows are right"
    labelled = list(zip(found["train"], clean["train"], strict=True))[: cell.labels]
    changed = sum(a != b for a, b in labelled) / cell.labels
    assert cell.wrong / 2 <= changed <= cell.wrong + 0.06  # another row's label is often the same one


@pytest.mark.parametrize("cell", MADE, ids=lambda cell: cell.name)
def test_a_cells_plan_loads_and_has_every_arm(cell):
    plan = Plan.model_validate(_plan(cell, "starter"))
    evaluated = [stage.name for stage in plan.stages if stage.type == "evaluate"]
    assert evaluated == ["nothing", *(f"after_{arm}" for arm in ARMS[1:])]
    assert {stage.type for stage in plan.stages} >= ({"dpo"} if cell.task in PREFERENCES else {"grpo"})


def test_what_a_base_learned_before_is_no_test_row():
    for cell in ONE_OF_EACH:
        tested = {row["prompt"] for row in parts(cell, None)["test"]}
        known = easier(cell)
        assert sum(row["prompt"] in tested for row in known) <= 0.02 * max(1, len(known))


def test_regret_is_read_on_the_half_that_did_not_choose():
    rates = {"nothing": 0.5, "sft": 0.6, "rejection_sampling": 0.7, "practise": 0.65, "ppo": 0.1}
    result = Result("c", {}, rates, {**rates, "rejection_sampling": 0.62, "practise": 0.7}, (500, 500), {})
    assert best(result) == "rejection_sampling"
    assert regret(result, "practise") == pytest.approx(-8.0)
    assert regret(result, "sft") == pytest.approx(2.0)


def test_a_tree_that_cannot_decide_counts_as_sft():
    cell = OPEN[0]
    result = Result("c", {}, {}, {}, (0, 0), {})
    assert published(lambda _: [])(cell, result) == "sft"
    assert published(lambda _: ["sft", "rft"])(cell, result) == "practise"
