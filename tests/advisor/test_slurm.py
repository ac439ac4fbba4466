"""The batch script of `launch slurm`: what stands in it, and what it does beside stand-ins for Slurm's commands."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from advisor.cli.main import run_command
from advisor.slurm import SlurmJob, batch_script
from graders.errors import UserError
from pipelines.plan_file import LoadedPlan, load_plan

PLAN = (
    "name: sums\ndata: {train: rows.jsonl}\nmetric: answer\ngraders: {answer: {type: numeric}}\n"
    "stages: [{type: sft, name: sft}]\n"
)


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedPlan:
    """In a folder whose name needs quotes."""
    folder = tmp_path / "a team's plans $HOME"
    folder.mkdir()
    (folder / "plan.yaml").write_text(PLAN)
    return load_plan(folder / "plan.yaml")


def test_what_is_asked_for_stands_in_the_script(loaded: LoadedPlan) -> None:
    text = batch_script(loaded, SlurmJob(2, 8, "1-12", "gpu long", "team"))
    lines = text.splitlines()
    assert lines[0] == "#!/bin/bash"
    expected = ["nodes=2", "gpus-per-node=8", "time=1-12", 'partition="gpu long"', "account=team", "requeue"]
    assert {f"#SBATCH --{line}" for line in expected} <= set(lines)
    assert "#SBATCH --signal=B:TERM@120" in lines
    assert "export PROCESSES=16" in lines
    assert "gpus-per-node" not in batch_script(loaded, SlurmJob(1, 0))


@pytest.mark.parametrize("job", [SlurmJob(time="soon"), SlurmJob(partition='a"b'), SlurmJob(account="a\nb")])
def test_what_slurm_could_not_read_is_refused(loaded: LoadedPlan, job: SlurmJob) -> None:
    with pytest.raises(UserError):
        batch_script(loaded, job)


def test_the_script_is_bash_without_a_fault(loaded: LoadedPlan, tmp_path: Path) -> None:
    path = tmp_path / "job.sbatch"
    path.write_text(batch_script(loaded, SlurmJob(2, 8, partition="gpu long")))
    subprocess.run(["bash", "-n", str(path)], check=True)
    if shutil.which("shellcheck"):
        done = subprocess.run(["shellcheck", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def cluster(folder: Path, run: str) -> dict[str, str]:
    """Commands on the PATH: srun starts its task here, scontrol notes what it is asked, finetune-advisor does `run`."""
    commands = {
        "srun": 'export SLURM_NODEID=0; exec "$@"',
        "scontrol": f'if [ "$1" = show ]; then echo node-a; echo node-b; else echo "$@" >> "{folder}/asked"; fi',
        "finetune-advisor": f'printf "%s\\n" "$@" > "{folder}/run"\n{run}',
    }
    for name, body in commands.items():
        path = folder / name
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)
    slurm = {"SLURM_JOB_ID": "1234567", "SLURM_JOB_NODELIST": "node-[a-b]", "SLURM_NNODES": "2"}
    return {"PATH": f"{folder}:{os.environ['PATH']}", **slurm}


@pytest.mark.parametrize("code", [0, 1, 3, 75])
def test_it_ends_as_run_ends_and_is_queued_again_by_no_code_alone(
    loaded: LoadedPlan, tmp_path: Path, code: int
) -> None:
    script = batch_script(loaded, SlurmJob(2, 8))
    done = subprocess.run(["bash", "-c", script], env=cluster(tmp_path, f"exit {code}"), check=False)
    assert done.returncode == code
    assert not (tmp_path / "asked").exists()
    asked = (tmp_path / "run").read_text().splitlines()
    assert asked[:2] == ["run", str(loaded.path)]
    places = ["--num-processes", "16", "--num-machines", "2", "--machine-rank", "0", "--main-process-ip", "node-a"]
    assert asked[2:] == ["--launcher", "accelerate", *places, "--main-process-port", "24567"]


def test_a_signal_reaches_the_run_which_saves_and_the_job_is_queued_again(loaded: LoadedPlan, tmp_path: Path) -> None:
    saving = (
        f'trap "sleep 0.3; touch {tmp_path}/saved; exit 75" TERM; touch {tmp_path}/begun; while :; do sleep 0.05; done'
    )
    process = subprocess.Popen(["bash", "-c", batch_script(loaded, SlurmJob(2))], env=cluster(tmp_path, saving))
    while not (tmp_path / "begun").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 75
    assert (tmp_path / "saved").exists()
    assert (tmp_path / "asked").read_text() == "requeue 1234567\n"


def test_the_command_writes_the_script_and_no_other_file(
    loaded: LoadedPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert run_command(["launch", "slurm", str(loaded.path), "--nodes", "2", "--out", "my job.sbatch"]) == 0
    assert capsys.readouterr().out == "Submit it: sbatch 'my job.sbatch'\n" * 2
    (tmp_path / "sums.sbatch").write_text("mine\n")
    assert run_command(["launch", "slurm", str(loaded.path)]) == 1
    assert "this file was not written by launch slurm" in capsys.readouterr().err
    assert (tmp_path / "sums.sbatch").read_text() == "mine\n"
