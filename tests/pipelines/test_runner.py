"""`run` from plan to report: skipping, rerunning, gates, errors, and being killed at any point."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from graders.errors import UserError
from pipelines import launcher
from pipelines.launcher import DONE
from pipelines.plan_file import load_plan
from pipelines.run_lock import at_work, lock
from pipelines.runner import GATE_CLOSED, Options, run_plan
from pipelines.state import Record, Step
from pipelines.worker import no_room

Writer = Callable[..., Path]
BASE = {"type": "evaluate", "name": "base"}
SFT = {"type": "sft", "name": "sft", "epochs": 2, "batch_size": 8, "learning_rate": 1e-3}
AFTER = {"type": "evaluate", "name": "after"}


class Notes:
    """A Watcher that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def skipped(self, step: Step, record: Record) -> None:
        self.lines.append(f"skipped {step.stage.name}")

    def started(self, step: Step, why: str) -> None:
        self.lines.append(f"started {step.stage.name}: {why}")

    def event(self, step: Step, event: Mapping[str, Any]) -> None:
        if "say" in event:
            self.lines.append(f"{step.stage.name} says {event['say']}")

    def finished(self, step: Step, record: Record) -> None:
        self.lines.append(f"finished {step.stage.name}")

    def gate_closed(self, step: Step, why: str) -> None:
        self.lines.append(f"gate {step.stage.name}: {why}")

    def gate_allowed(self, step: Step, why: str) -> None:
        self.lines.append(f"allowed {step.stage.name}: {why}")

    def waits(self, step: Step, why: str) -> None:
        self.lines.append(f"{step.stage.name} waits: {why}")


def run(plan: Path, *force: str, until: str | None = None) -> tuple[int, list[str]]:
    notes = Notes()
    code = run_plan(load_plan(plan), plan.parent / "run", Options(until, force), notes)
    return code, notes.lines


def test_a_plan_runs_to_a_report_and_then_everything_is_skipped(write_plan: Writer) -> None:
    plan = write_plan(BASE, SFT, AFTER)
    code, lines = run(plan)
    assert code == DONE
    assert [line for line in lines if line.startswith("finished")] == [
        "finished base",
        "finished sft",
        "finished after",
    ]
    report = json.loads((plan.parent / "run" / "report.json").read_text())
    assert report["baseline"]["pass_rate"] == 0.0
    assert report["baseline"]["n"] == report["final"]["n"] > 10
    assert set(report["difference"]) == {"points", "low", "high"}
    assert [stage["name"] for stage in report["stages"]] == ["base", "after"]
    assert "2" in report["stages"][0]["pass_at_k"]
    assert (plan.parent / "run" / "report.md").read_text().startswith("# p")
    assert run(plan) == (DONE, ["skipped base", "skipped sft", "skipped after"])
    (model,) = plan.parent.glob("run/stages/sft-*/model")
    shutil.rmtree(model)
    told = "sft says its model was removed; `--force sft` trains it again"
    assert run(plan) == (DONE, ["skipped base", "skipped sft", told, "skipped after"])
    _, lines = run(plan, "sft", until="sft")
    assert lines[0] == "skipped base"
    assert lines[1].startswith("started sft: it has not run yet")


def test_from_and_stage_run_nothing_before_them(write_plan: Writer) -> None:
    plan = write_plan(BASE, BASE | {"name": "again"}, BASE | {"name": "third"})
    loaded, folder = load_plan(plan), plan.parent / "run"
    with pytest.raises(UserError, match="`again` cannot be the first to run: `base` before it is not done"):
        run_plan(loaded, folder, Options(start="again"), Notes())
    assert run_plan(loaded, folder, Options(start="base", until="base"), Notes()) == DONE
    assert not list((folder / "stages").glob("again-*/done.json"))
    with pytest.raises(UserError, match="no stage is called `fourth`"):
        run_plan(loaded, folder, Options(start="fourth"), Notes())
    with pytest.raises(UserError, match="`again` comes after the last stage to run, base"):
        run_plan(loaded, folder, Options(start="again", until="base"), Notes())


def test_who_comes_second_is_told_who_holds_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.run_lock.LOCK_SECONDS", 0.0)
    held = lock(tmp_path)
    with pytest.raises(UserError, match=f"another `run` is at work here: process {os.getpid()}, since 20"):
        lock(tmp_path)
    told = {"runner": 2**22 + 1, "worker": os.getpid(), "since": "2026-01-01T00:00:00+00:00"}
    (tmp_path / "lock").write_text(json.dumps(told))
    with pytest.raises(UserError, match=rf"is gone, but the worker {os.getpid()} that it started still lives"):
        lock(tmp_path)
    (tmp_path / "lock").write_text("{")
    with pytest.raises(UserError, match=r"another `run` is at work here\n"):
        lock(tmp_path)
    os.close(held)
    os.close(lock(tmp_path))


def test_consecutive_evaluations_share_a_process(write_plan: Writer) -> None:
    plan = write_plan(BASE, {"type": "evaluate", "name": "again"})
    code, lines = run(plan)
    assert code == DONE
    assert [line for line in lines if line.startswith("started")] == ["started base: it has not run yet"]
    assert lines[-1] == "skipped again"


def test_a_gate_that_stays_shut_stops_the_run(write_plan: Writer) -> None:
    plan = write_plan(BASE | {"gate": {"min_pass_rate": 0.9}}, SFT)
    code, lines = run(plan)
    assert code == GATE_CLOSED
    assert lines[-1] == "gate base: pass rate 0.0% is under 90.0%"


def test_what_the_worker_finds_wrong_is_told_as_one_message(write_plan: Writer, tmp_path: Path) -> None:
    plan = write_plan(SFT | {"max_length": 8})
    with pytest.raises(UserError, match=r"stage `sft`: .*longer than max_length, 8 tokens"):
        run(plan)
    rows = [{"prompt": f"{n}", "reference": n} for n in range(40)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UserError, match=r"none of the .* rows has a demonstration"):
        run(write_plan(SFT))


def start(plan: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-c",
        "import sys; from advisor.cli.main import run_command; sys.exit(run_command(sys.argv[1:]))",
    ]
    return subprocess.Popen(
        [*command, "run", str(plan), "--out", str(plan.parent / "run")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def wait_for_steps(plan: Path, stage: str, steps: int) -> None:
    """Until the stage has made that many optimizer steps, as its events tell."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for path in (plan.parent / "run" / "stages").glob(f"{stage}-????????/events.jsonl"):
            if any(json.loads(line).get("done", 0) >= steps for line in path.read_text().split("\n")[:-1]):
                return
        time.sleep(0.01)
    raise AssertionError(f"{stage} never reached step {steps}")


def weights_hash(plan: Path, stage: str) -> str:
    (path,) = (plan.parent / "run" / "stages").glob(f"{stage}-????????/model/model.safetensors")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def uninterrupted(plan: Path, stage: str) -> str:
    """The weights' hash of a run of its own that nothing stopped."""
    folder = plan.parent / "whole"
    assert run_plan(load_plan(plan), folder, Options(), Notes()) == DONE
    (path,) = (folder / "stages").glob(f"{stage}-????????/model/model.safetensors")
    return hashlib.sha256(path.read_bytes()).hexdigest()


SLOW = SFT | {"epochs": 12}


def test_a_killed_run_resumes_to_the_same_weights(write_plan: Writer) -> None:
    plan = write_plan(SLOW, checkpoint_minutes=0)
    expected = uninterrupted(plan, "sft")
    process = start(plan)
    wait_for_steps(plan, "sft", 12)
    process.kill()
    process.wait()
    code, lines = run(plan)
    assert code == DONE
    assert lines[0] == "started sft: it was stopped; it goes on from its newest checkpoint"
    assert any("resumes from checkpoint-" in line for line in lines)
    assert weights_hash(plan, "sft") == expected


def test_a_term_signal_saves_a_checkpoint_and_exits_75(write_plan: Writer) -> None:
    plan = write_plan(SLOW)
    process = start(plan)
    wait_for_steps(plan, "sft", 5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 75
    assert list((plan.parent / "run" / "stages").glob("sft-????????/checkpoints/checkpoint-*/complete"))


def test_ctrl_c_exits_130_and_a_second_run_is_refused(write_plan: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = write_plan(SLOW | {"epochs": 100})
    monkeypatch.setattr("pipelines.run_lock.LOCK_SECONDS", 0.0)
    process = start(plan)
    wait_for_steps(plan, "sft", 5)
    with pytest.raises(UserError, match="another `run` is at work here"):
        run(plan)
    assert at_work(plan.parent / "run")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert not at_work(plan.parent / "run")
    monkeypatch.undo()
    assert run(plan, until="sft")[0] == DONE


GRPO = {"type": "grpo", "name": "grpo", "steps": 8, "prompts_per_step": 2, "group_size": 2, "max_new_tokens": 6}


PPO = {"type": "ppo", "name": "ppo", "steps": 4, "prompts_per_step": 4, "max_new_tokens": 6}


@pytest.mark.soak
@pytest.mark.parametrize("at", [1, 3, 5, 7])
@pytest.mark.parametrize("stage", [GRPO, PPO], ids=["grpo", "ppo"])
def test_rl_killed_at_several_points_resumes_to_the_same_weights(
    write_plan: Writer, stage: dict[str, Any], at: int
) -> None:
    """The grade is whether any digit was written, so that a random model has something to learn."""
    plan = write_plan(
        stage | {"learning_rate": 1e-2},
        checkpoint_minutes=0,
        graders={"answer": {"type": "numeric", "parsed_credit": 0.5}},
    )
    expected = uninterrupted(plan, stage["name"])
    process = start(plan)
    wait_for_steps(plan, stage["name"], at)
    process.kill()
    process.wait()
    assert run(plan)[0] == DONE
    assert weights_hash(plan, stage["name"]) == expected


@pytest.mark.soak
@pytest.mark.parametrize("at", [0, 4, 9, 20, 40])
def test_sft_killed_at_several_points_resumes_to_the_same_weights(write_plan: Writer, at: int) -> None:
    plan = write_plan(SLOW, checkpoint_minutes=0)
    expected = uninterrupted(plan, "sft")
    process = start(plan)
    wait_for_steps(plan, "sft", at)
    process.kill()
    process.wait()
    assert run(plan)[0] == DONE
    assert weights_hash(plan, "sft") == expected


def test_signals_within_a_second_are_one_wish(write_plan: Writer) -> None:
    """GNU timeout signals its child and then the whole group; the worker must not be killed for it."""
    plan = write_plan(SLOW)
    process = start(plan)
    wait_for_steps(plan, "sft", 5)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.02)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 75
    assert list((plan.parent / "run" / "stages").glob("sft-????????/checkpoints/checkpoint-*/complete"))


def test_a_watcher_that_fails_lets_the_worker_save_first(write_plan: Writer) -> None:
    class Gone(Notes):
        def event(self, step: Step, event: Mapping[str, Any]) -> None:
            if event.get("done", 0) >= 3:
                raise OSError("the terminal was closed")

    plan = write_plan(SLOW)
    with pytest.raises(OSError, match="terminal was closed"):
        run_plan(load_plan(plan), plan.parent / "run", Options(), Gone())
    assert list((plan.parent / "run" / "stages").glob("sft-????????/checkpoints/checkpoint-*/complete"))


def test_an_evaluation_of_a_control_alone_leaves_no_report_and_no_crash(write_plan: Writer) -> None:
    plan = write_plan(SFT | {"control": True, "epochs": 1}, AFTER | {"policy": "sft"})
    assert run(plan)[0] == DONE
    assert not (plan.parent / "run" / "report.json").exists()


@pytest.mark.soak
def test_a_killed_runner_takes_both_processes_with_it_and_resumes_to_the_same_weights(write_plan: Writer) -> None:
    plan = write_plan(SLOW, checkpoint_minutes=0, processes=2)
    expected = uninterrupted(plan, "sft")
    process = start(plan)
    wait_for_steps(plan, "sft", 12)
    process.kill()
    process.wait()
    assert run(plan)[0] == DONE  # which the lock would refuse while a worker lives
    assert weights_hash(plan, "sft") == expected


def test_what_was_damaged_after_it_was_done_is_named_with_the_way_out(write_plan: Writer) -> None:
    plan = write_plan(BASE, SFT | {"epochs": 1}, AFTER)
    assert run(plan)[0] == DONE
    (grades,) = (plan.parent / "run" / "stages").glob("base-????????/grades.jsonl")
    whole = grades.read_text()
    for damage in ("", whole[: len(whole) // 2], "".join(whole.splitlines(keepends=True)[:3])):
        grades.write_text(damage)
        with pytest.raises(UserError, match="run again with --force base"):
            run(plan)
    grades.unlink()
    with pytest.raises(UserError, match="run again with --force base"):
        run(plan)
    grades.write_text(whole)
    (record,) = (plan.parent / "run" / "stages").glob("base-????????/done.json")
    told = record.read_text()
    record.write_text(told[: len(told) // 2])
    with pytest.raises(UserError, match="this record is damaged"):
        run(plan)
    record.write_text(told)
    (curve,) = (plan.parent / "run" / "stages").glob("sft-????????/curve.json")
    curve.write_text(curve.read_text()[:50])
    assert run(plan)[0] == DONE, "a page without this curve is better than none"
    (model,) = (plan.parent / "run" / "stages").glob("sft-????????/model")
    model.rename(model.with_name("elsewhere"))
    with pytest.raises(UserError, match="stage `sft` left is gone"):
        run(plan, "after")


def test_a_worker_that_fails_on_a_full_disk_is_told_as_such(
    write_plan: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher.shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
    with pytest.raises(UserError, match="no space is left on the disk"):
        run(write_plan(SFT | {"max_length": 8}))


def test_a_file_that_a_library_cannot_write_is_a_full_disk(tmp_path: Path) -> None:
    """A limit of file size stands in for the disk: safetensors and torch say either in their own exceptions."""
    import resource

    import torch
    from safetensors.torch import save_file

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(Exception, match="too large") as caught:
            save_file({"a": torch.zeros(10_000)}, tmp_path / "a.safetensors")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert no_room(caught.value)
    assert not no_room(ValueError("the room is dark"))


def test_an_evaluation_that_graded_nothing_is_not_done_and_runs_again_with_a_mended_grader(write_plan: Writer) -> None:
    plan = write_plan(BASE, graders={"answer": {"type": "python", "function": "own.py:grade"}})
    own = plan.with_name("own.py")
    own.write_text("def grade(sample, item):\n    raise RuntimeError('no server')\n")
    with pytest.raises(UserError, match=r"the grader scored none of \d+ answers: .*no server"):
        run(plan)
    assert not list(plan.parent.glob("run/stages/*/done.json"))
    own.write_text("def grade(sample, item):\n    return 1.0\n")
    assert run(plan)[0] == DONE
