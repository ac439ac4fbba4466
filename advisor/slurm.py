"""A plan → the batch script that runs it under Slurm, on one node or several, and goes on after a pre-emption.

In: a loaded plan and what the job asks for. Out: text for `sbatch`, pure. `--signal=B:TERM@120` wakes the script two
minutes before the end; it passes the signal on, the stage saves a checkpoint, `run` ends with 75, and the job is queued
again. Exit code 75 without a signal is people whose answers are missing: such a job ends. Options: sbatch(1), Slurm 23.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from graders.errors import UserError
from pipelines.plan_file import LoadedPlan

MARK = "# Written by `finetune-advisor launch slurm`."
WARN_SECONDS = 120
_TIME = re.compile(r"(\d+-)?\d+(:[0-5]?\d){0,2}")


@dataclass(frozen=True, slots=True)
class SlurmJob:
    """time: as sbatch takes it, such as 30, 12:00:00 or 2-00. Each GPU gets a process; a node without one gets one."""

    nodes: int = 1
    gpus_per_node: int = 1
    time: str = "24:00:00"
    partition: str | None = None
    account: str | None = None

    @property
    def processes(self) -> int:
        return self.nodes * max(1, self.gpus_per_node)


def batch_script(loaded: LoadedPlan, job: SlurmJob) -> str:
    """Raises UserError for what sbatch could not read."""
    if not _TIME.fullmatch(job.time):
        raise UserError(f"--time {job.time} is no time of Slurm's", "minutes, H:MM:SS or days-hours, such as 12:00:00")
    asked = {
        "job-name": loaded.plan.name,
        "nodes": str(job.nodes),
        "ntasks-per-node": "1",
        "gpus-per-node": str(job.gpus_per_node) if job.gpus_per_node else None,
        "time": job.time,
        "partition": job.partition,
        "account": job.account,
        "signal": f"B:TERM@{WARN_SECONDS}",
        "open-mode": "append",
    }
    lines = [f"#SBATCH --{name}={_value(name, value)}" for name, value in asked.items() if value is not None]
    head = ["#!/bin/bash", f"{MARK} Submit it where `finetune-advisor` is on the PATH: sbatch FILE"]
    no_fault = "# shellcheck disable=SC2016  # a path is taken as it is"
    values = [no_fault, f"export PLAN={shlex.quote(str(loaded.path))}", f"export PROCESSES={job.processes}"]
    return "\n".join([*head, *lines, "#SBATCH --requeue", "", *values, _BODY])


def _value(name: str, value: str) -> str:
    """Slurm takes double quotes around a value with spaces, and nothing to escape within."""
    if '"' in value or not value.isprintable() or not value:
        raise UserError(f"--{name} {value!r} cannot stand in a batch script", "printable text without double quotes")
    return value if re.fullmatch(r"[\w.:@%,/+-]+", value) else f'"{value}"'


def write_script(path: Path, text: str) -> None:
    """Raises UserError where another file stands."""
    if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise UserError("this file was not written by launch slurm", "a new file", "--out another.sbatch", str(path))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write: {error.strerror}", "a folder that may be written", where=str(path)) from error


_BODY = """\
# The first node is where the processes meet. Two jobs on one node take different ports.
HEAD=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
PORT=$((20000 + SLURM_JOB_ID % 10000))
export HEAD PORT

signalled=
trap 'signalled=yes; woken=yes; kill -TERM "$step" 2>/dev/null' TERM

# shellcheck disable=SC2016  # each node puts in its own number
srun bash -c 'exec finetune-advisor run "$PLAN" --launcher accelerate \\
  --num-processes "$PROCESSES" --num-machines "$SLURM_NNODES" --machine-rank "$SLURM_NODEID" \\
  --main-process-ip "$HEAD" --main-process-port "$PORT"' &
step=$!

# A trapped signal ends `wait` before the step has ended: then it waits again.
while true; do
  woken=
  wait "$step"
  now=$?
  [ "$now" -eq 127 ] || code=$now
  [ -n "$woken" ] || break
done

if [ "$code" -eq 75 ] && [ -n "$signalled" ]; then
  echo "stopped by a signal: queued again, to go on from the checkpoint"
  scontrol requeue "$SLURM_JOB_ID"
elif [ "$code" -eq 75 ]; then
  echo "waiting for people's answers: submit again when they are there"
fi
exit "$code"
"""
