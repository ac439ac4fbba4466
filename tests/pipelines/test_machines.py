"""Several machines: what fits, what they tell each other, what is started; two of them on this one, over gloo."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from graders.errors import UserError
from pipelines import launch_command, others, roll_call
from pipelines.launch_command import accelerate_config, command_of_several
from pipelines.machines import Machines, require_fitting
from pipelines.others import Others
from pipelines.plan import Plan
from pipelines.plan_file import load_plan
from pipelines.roll_call import RollCall
from pipelines.runner import Options, run_plan
from pipelines.signals import Signals
from pipelines.state import steps
from tests.pipelines.test_runner import SFT, Notes

Writer = Callable[..., Path]
PAIR = Machines(2, 1, "10.0.0.1", 29501)


@pytest.mark.parametrize(
    ("machines", "processes", "told"),
    [
        (Machines(2, 2, "10.0.0.1"), 2, "there is no machine 2 among 2: they are counted from 0"),
        (Machines(2, 0, "10.0.0.1"), 3, "3 processes cannot be shared by 2 machines"),
        (Machines(2, 0, "10.0.0.1"), 1, "1 process cannot be shared by 2 machines"),
        (Machines(2, 0), 2, "--main-process-ip IP, the same on all"),
    ],
)
def test_machines_that_do_not_fit_are_told_at_once(machines: Machines, processes: int, told: str) -> None:
    with pytest.raises(UserError, match=told):
        require_fitting(machines, processes)


def test_a_machine_is_heard_by_its_present_token_only(tmp_path: Path) -> None:
    with RollCall(tmp_path, 0) as gone:
        gone.say("ended", 0)
    with RollCall(tmp_path, 1) as follower:
        assert follower.hear(0) is None, "what an earlier run left is not heeded"
        with RollCall(tmp_path, 0) as first:
            assert follower.hear(0) is None, "the first has not heard this one yet"
            assert first.hear(1) is not None
            first.say("work", {"number": 1, "path": "x"})
            heard = follower.hear(0)
            assert heard is not None
            assert heard["work"] == {"number": 1, "path": "x"}
            assert not first.lost(1)


def test_a_silent_machine_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll_call, "LOST_SECONDS", 0.2)
    monkeypatch.setattr(roll_call, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(others, "LISTEN_SECONDS", 0.0)
    machines = Machines(2, 0, "127.0.0.1")
    with Others(tmp_path, machines) as first, Signals() as signals:
        with RollCall(tmp_path, 1) as follower:
            answers = threading.Thread(target=lambda: [follower.hear(0) or time.sleep(0.02) for _ in range(20)])
            answers.start()
            first.meet(signals)
            first.check()
            answers.join()
        time.sleep(0.1)
        first.check()
        time.sleep(0.3)
        with pytest.raises(UserError, match="machine 1 is gone"):
            first.check()


def test_who_does_not_come_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(others, "MEET_SECONDS", 0.0)
    machines = Machines(2, 0, "127.0.0.1")
    came_not = pytest.raises(UserError, match="machine 1 of 2 did not come")
    with came_not, Others(tmp_path, machines) as first, Signals() as signals:
        first.meet(signals)


def plan_of(processes: int, sharding: str = "none") -> Plan:
    fields = {"name": "p", "data": {"train": "rows.jsonl"}, "metric": "likelihood", "stages": [SFT]}
    return Plan.model_validate(fields | {"processes": processes, "sharding": sharding})


@pytest.mark.parametrize("machines", [Machines(), PAIR])
def test_accelerate_reads_the_config_that_is_written(machines: Machines, tmp_path: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    path = tmp_path / "accelerate.yaml"
    path.write_text(accelerate_config(plan_of(4), machines))
    found = load_config_from_file(str(path))
    assert (found.num_processes, found.num_machines, found.machine_rank) == (4, machines.count, machines.rank)
    assert found.distributed_type.value == "MULTI_GPU"
    if machines.count > 1:
        assert (found.main_process_ip, found.main_process_port) == ("10.0.0.1", 29501)
        assert (found.same_network, found.rdzv_backend) == (True, "static")
    assert found.mixed_precision == "no"


def test_with_a_gpu_accelerate_is_called_with_a_file_of_each_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch_command, "has_gpu", lambda: True)
    command = command_of_several(tmp_path / "work.json", plan_of(4), PAIR)
    assert command[-2:] == [launch_command.SCRIPT, str(tmp_path / "work.json")]
    assert command[command.index("--config_file") + 1] == str(tmp_path / "accelerate-1.yaml")
    assert yaml.safe_load((tmp_path / "accelerate-1.yaml").read_text())["num_processes"] == 4


def test_more_processes_rerun_nothing(write_plan: Writer) -> None:
    plan = write_plan(SFT)
    one, two = (load_plan(plan, (f"processes={n}",)) for n in (1, 2))
    assert [step.fingerprint for step in steps(one, plan.parent)] == [
        step.fingerprint for step in steps(two, plan.parent)
    ]


def command(plan: Path, rank: int, port: int) -> list[str]:
    places = ["--num-processes", "2", "--num-machines", "2", "--machine-rank", str(rank)]
    where = ["--main-process-ip", "127.0.0.1", "--main-process-port", str(port)]
    code = "from advisor.cli.main import main; main()"
    return [sys.executable, "-c", code, "run", str(plan), "--launcher", "accelerate", *places, *where]


def free_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start(plan: Path, rank: int, port: int) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command(plan, rank, port), cwd=plan.parent, stdout=pipe, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.soak
def test_two_machines_train_together_and_only_the_first_keeps_records(write_plan: Writer) -> None:
    """Two runners of this machine stand for two machines; each starts one of the two processes."""
    plan = write_plan(SFT, SFT | {"name": "again", "epochs": 1})
    port = free_port()
    pair = [start(plan, rank, port) for rank in (1, 0)]
    outputs = [process.communicate(timeout=570)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0], outputs
    for name in ("sft", "again"):
        (record,) = (plan.parent / "runs" / "p" / "stages").glob(f"{name}-????????/done.json")
        assert json.loads(record.read_text())["numbers"]["processes"] == 2
        assert record.with_name("log-1.txt").exists()
    code = run_plan(load_plan(plan), plan.parent / "runs" / "p", Options(), notes := Notes())
    assert (code, notes.lines) == (0, ["skipped sft", "skipped again"])


@pytest.mark.soak
def test_a_machine_that_is_taken_away_stops_all_at_a_checkpoint(write_plan: Writer) -> None:
    plan = write_plan(SFT | {"epochs": 200, "batch_size": 4})
    port = free_port()
    pair = [start(plan, rank, port) for rank in (0, 1)]
    stage = plan.parent / "runs" / "p" / "stages"
    deadline = time.monotonic() + 300
    while not any('"done": 3' in path.read_text() for path in stage.glob("sft-*/events.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    pair[1].terminate()
    outputs = [process.communicate(timeout=270)[0] for process in pair]
    assert [process.returncode for process in pair] == [75, 75], outputs
    assert list(stage.glob("sft-*/checkpoints/checkpoint-*/complete"))
