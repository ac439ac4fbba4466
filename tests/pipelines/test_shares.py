"""Work shared by processes: every item once, results in order, answers as one process gives them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines import processes
from pipelines.plan_file import load_plan
from pipelines.runner import Options, run_plan
from pipelines.sampling import Sampling
from pipelines.shares import own_path, shared
from tests.pipelines.test_runner import Notes

Writer = Callable[..., Path]
PROBE = {"type": "probe", "name": "probe", "rows": 12, "samples_per_prompt": 4, "max_new_tokens": 8}


@pytest.mark.parametrize(("count", "size"), [(1, 5), (2, 5), (3, 2), (4, 0)])
def test_every_item_is_done_by_one_process_and_all_results_come_back_in_order(
    count: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[list[int]] = []
    monkeypatch.setattr(processes, "count", lambda: count)
    for rank in range(count):
        monkeypatch.setattr(processes, "rank", lambda rank=rank: rank)
        monkeypatch.setattr(processes, "all_say", lambda value: [value] * count)
        shared(range(size), lambda own: done.append(own) or [0] * size)
    assert sorted(item for own in done for item in own) == list(range(size))
    monkeypatch.setattr(processes, "all_say", lambda _: [[10 * item for item in own] for own in done])
    assert shared(range(size), lambda own: own) == [10 * item for item in range(size)]


def test_a_prompt_draws_by_its_place_among_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [Sampling(8, first=1, every=3).place(own) for own in range(3)] == [1, 4, 7]
    assert [Sampling(8).place(own) for own in range(3)] == [0, 1, 2]
    assert own_path(Path("a/answers.jsonl")) == Path("a/answers.jsonl")
    monkeypatch.setenv("RANK", "2")
    assert own_path(Path("a/answers.jsonl")) == Path("a/answers.2.jsonl")


def answered(plan: Path, count: int) -> dict[str, Any]:
    """What the stages left, run by so many processes."""
    folder = plan.parent / f"run-{count}"
    assert run_plan(load_plan(plan, (f"processes={count}",)), folder, Options(), Notes()) == 0
    left: dict[str, Any] = {}
    for stage, names in (
        ("base", ("grades", "samples", "regression")),
        ("probe", ("samples", "direct", "answer_only")),
    ):
        (path,) = (folder / "stages").glob(f"{stage}-????????")
        left |= {f"{stage} {name}": (path / f"{name}.jsonl").read_text() for name in names}
        numbers = json.loads((path / "done.json").read_text())["numbers"]
        left[stage] = {key: value for key, value in numbers.items() if "second" not in key}
        answers = sorted(file.name for file in path.glob("answers*.jsonl"))
        assert len(answers) == count * len({name.replace(".1.", ".") for name in answers})
    return left


@pytest.mark.soak
def test_two_processes_answer_and_grade_what_one_does(write_plan: Writer, sums: Path) -> None:
    """Evaluation and probe, greedy and drawn: each prompt is answered by one of them, and every file is the same."""
    (sums.parent / "kept.jsonl").write_text("".join(sums.read_text().splitlines(keepends=True)[:7]))
    evaluation = {"pass_k": 4, "pass_k_rows": 9, "max_new_tokens": 8, "regression": "kept.jsonl"}
    model = {"name": "starter"}
    plan = write_plan(
        {"type": "evaluate", "name": "base"}, PROBE | {"styles": ["answer_only"]}, evaluation=evaluation, model=model
    )
    one, two = answered(plan, 1), answered(plan, 2)
    assert one == two
    assert len(one["base grades"].splitlines()) > 10
