"""Starts a stage's process, passes on what it says, and asks it to stop when a signal comes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from graders.errors import UserError
from graders.reward_model import with_folders
from pipelines import worker
from pipelines.files import write_json, write_text
from pipelines.plan import Training
from pipelines.plan_file import LoadedPlan
from pipelines.run_lock import name_holder
from pipelines.signals import Signals
from pipelines.sources import locate
from pipelines.state import Record, Step, answers_identity, answers_path

DONE, STOPPED, INTERRUPTED = 0, 75, 130
FULL_DISK_BYTES = 1_000_000
"""Less than this is full: what did not fit any more left no message."""
GRACE_SECONDS = 120.0
"""How long a worker that was asked to stop may take to save its checkpoint."""


class Watcher(Protocol):
    """Shows what happens to whoever started the run."""

    def skipped(self, step: Step, record: Record) -> None: ...
    def started(self, step: Step, why: str) -> None: ...
    def event(self, step: Step, event: Mapping[str, Any]) -> None: ...
    def finished(self, step: Step, record: Record) -> None: ...
    def gate_closed(self, step: Step, why: str) -> None: ...
    def gate_allowed(self, step: Step, why: str) -> None: ...
    def waits(self, step: Step, why: str) -> None: ...


class Launcher:
    """Starts workers and waits for them."""

    def __init__(self, loaded: LoadedPlan, lock_descriptor: int, signals: Signals) -> None:
        self._loaded, self._lock, self._signals = loaded, lock_descriptor, signals

    def run(self, batch: list[Step], todo: list[Step], why: str, watcher: Watcher) -> int:
        """Runs steps in one process; returns DONE, STOPPED or INTERRUPTED, or raises what the worker said."""
        if self._signals.received:
            return self._code()
        job_path = self._write_jobs(batch, todo)
        log_path = job_path.with_name("log.txt")
        watcher.started(batch[0], why)
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                self._command(batch[0], job_path),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                pass_fds=(self._lock,),
                start_new_session=True,
            )
            name_holder(self._lock, process.pid)
            try:
                self._watch(process, batch, watcher)
            except BaseException:
                _end(process)
                raise
        if process.returncode == DONE:
            return DONE
        if self._signals.received:
            return self._code()
        if process.returncode == STOPPED:  # somebody asked the worker itself
            return STOPPED
        at_work = next((step for step in batch if step.record() is None), batch[-1])
        raise _worker_error(process.returncode, job_path, log_path, at_work)

    def _code(self) -> int:
        return INTERRUPTED if self._signals.received[0] == signal.SIGINT else STOPPED

    def _write_jobs(self, batch: list[Step], todo: list[Step]) -> Path:
        jobs = []
        for step in batch:
            jobs.append(_job(step, self._policy(step, todo), self._answers(step, todo), _match_seconds(step, todo)))
            write_json(step.folder / "job.json", {"parts": dict(step.parts), "plan": str(self._loaded.path)})
        job_path = batch[0].folder / "work.json"
        job_path.with_name("error.json").unlink(missing_ok=True)
        plan = with_folders(self._loaded.plan.model_dump(mode="json"), self._reward_models(batch, todo))
        write_json(job_path, {"runner": os.getpid(), "plan": plan, "base": str(self._loaded.folder), "jobs": jobs})
        return job_path

    def _policy(self, step: Step, todo: list[Step]) -> str:
        """The input model: an earlier step's folder, or the plan's own."""
        name = step.sources.get("policy")
        if name is None:
            return locate(self._loaded.plan.model, self._loaded.folder)
        model = _named(name, todo).folder / "model"
        _require_model(name, model)
        return str(model)

    def _reward_models(self, batch: list[Step], todo: list[Step]) -> dict[str, str]:
        """Stage → the folder of the reward model it left, of all that the batch's graders score with."""
        folders = {name: _named(name, todo).folder / "model" for step in batch for name in step.judges}
        for name, folder in folders.items():
            _require_model(name, folder)
        return {name: str(folder) for name, folder in folders.items()}

    def _answers(self, step: Step, todo: list[Step]) -> str | None:
        """The file of people's answers, as it was when the run began: they may go on answering meanwhile."""
        name = step.sources.get("rows")
        if name is None:
            return None
        path = answers_path(_named(name, todo), self._loaded.folder)
        if answers_identity(path) != step.parts["answers"]:
            happened = f"stage `{step.stage.name}`: people gave or took back answers since this run began"
            raise UserError(happened, "the answers as they were", "run again, to train on all of them", str(path))
        return str(path)

    def _command(self, step: Step, job_path: Path) -> list[str]:
        plan, script = self._loaded.plan, str(Path(worker.__file__).resolve())
        if plan.processes == 1 or not isinstance(step.stage, Training):
            return [sys.executable, script, str(job_path)]
        if not Path("/dev/nvidia0").exists():
            # On a CPU `accelerate launch` starts one process, whatever num_processes says, unless MPI is there.
            several = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(plan.processes)]
            return [*_bound_to_us(), *several, script, str(job_path)]
        config = step.folder / "accelerate.yaml"
        write_text(config, _accelerate_config(plan.processes))
        launch = ["-m", "accelerate.commands.launch", "--config_file", str(config)]
        return [*_bound_to_us(), *launch, script, str(job_path)]

    def _environment(self) -> dict[str, str]:
        """One process sees one GPU: with several in sight transformers would wrap the model in DataParallel.

        Threads that wait spin for microseconds only: beside a busy neighbour long spinning makes two threads slower
        than one (docs/experiments.md).
        """
        one_gpu = {"CUDA_VISIBLE_DEVICES": "0"} if self._loaded.plan.processes == 1 else {}
        return {"TOKENIZERS_PARALLELISM": "false", "GOMP_SPINCOUNT": "10000", **one_gpu, **os.environ}

    def _watch(self, process: subprocess.Popen[bytes], batch: list[Step], watcher: Watcher) -> None:
        tails = [(step, _tail(step.folder / "events.jsonl")) for step in batch]
        asked = 0
        deadline = float("inf")
        while process.poll() is None:
            if len(self._signals.received) > asked:
                asked = len(self._signals.received)
                _signal_group(process, signal.SIGTERM if asked == 1 else signal.SIGKILL)
                deadline = time.monotonic() + GRACE_SECONDS
            if time.monotonic() > deadline:
                _signal_group(process, signal.SIGKILL)
            _pass_on(tails, watcher)
            time.sleep(0.1)
        _pass_on(tails, watcher)


def _bound_to_us() -> list[str]:
    """Starts Python such that a launcher, and with it its workers, dies with this process."""
    return [sys.executable, str(Path(worker.__file__).resolve()), worker.LAUNCH, str(os.getpid())]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Lets a worker that nobody watches any more save a checkpoint, and waits for its end."""
    _signal_group(process, signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _signal_group(process: subprocess.Popen[bytes], sig: int) -> None:
    try:
        os.killpg(process.pid, sig)
    except ProcessLookupError:
        return


def _pass_on(tails: list[tuple[Step, Callable[[], Iterator[Mapping[str, Any]]]]], watcher: Watcher) -> None:
    for step, tail in tails:
        for event in tail():
            watcher.event(step, event)


def _tail(path: Path) -> Callable[[], Iterator[Mapping[str, Any]]]:
    """A function that yields the events written since its last call; what stands there already is passed over."""
    position = path.stat().st_size if path.exists() else 0

    def read() -> Iterator[Mapping[str, Any]]:
        nonlocal position
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(position)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                position += len(line)
                yield json.loads(line)

    return read


def _require_model(stage: str, model: Path) -> None:
    if not model.is_dir():
        raise UserError(
            f"the model that stage `{stage}` left is gone",
            "the folder as the stage left it",
            f"make it anew: run again with --force {stage}",
            str(model),
        )


def _named(name: str, todo: list[Step]) -> Step:
    return next(step for step in todo if step.stage.name == name)


def _job(step: Step, policy: str, rows: str | None, match_seconds: float | None) -> dict[str, Any]:
    return {
        "stage": step.stage.name,
        "type": step.stage.type,
        "folder": str(step.folder),
        "policy": policy,
        "rows": rows,
        "match_seconds": match_seconds,
        "most_seconds": _most_seconds(step),
        "fingerprint": step.fingerprint,
        "parts": dict(step.parts),
    }


def _match_seconds(step: Step, todo: list[Step]) -> float | None:
    if not isinstance(step.stage, Training) or step.stage.same_time_as is None:
        return None
    record = finished_record(_named(step.stage.same_time_as, todo))
    return float(record.numbers["train_seconds"])


def _most_seconds(step: Step) -> float | None:
    minutes = step.stage.max_minutes if isinstance(step.stage, Training) else None
    return None if minutes is None else 60 * minutes


def _accelerate_config(processes: int) -> str:
    """Every key that accelerate would else take from the machine's own default file."""
    has_gpu = Path("/dev/nvidia0").exists()
    lines = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "MULTI_GPU" if has_gpu else "MULTI_CPU",
        "use_cpu": str(not has_gpu).lower(),
        "num_machines": 1,
        "machine_rank": 0,
        "num_processes": processes,
        "main_process_port": 0,
        "mixed_precision": "'no'",
        "main_training_function": "main",
        "debug": "false",
    }
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def _worker_error(code: int, job_path: Path, log_path: Path, step: Step) -> UserError:
    error_path = job_path.with_name("error.json")
    name = step.stage.name
    if step.folder.exists() and shutil.disk_usage(step.folder).free < FULL_DISK_BYTES:
        happened = f"stage `{name}`: no space is left on the disk"
        return UserError(happened, "room for checkpoints and a model", "make room and run again", str(step.folder))
    if error_path.exists():
        error = json.loads(error_path.read_text(encoding="utf-8"))
        if "message" in error:
            return UserError(f"stage `{name}`: {error['message']}")
        happened, hint = f"stage `{name}` failed: {error['bug']}", "the log has the traceback; run again to go on"
        return UserError(happened, fix=hint, where=str(log_path))
    ended = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    hint = "out of memory is the usual cause of signal 9" if code == -signal.SIGKILL else "see the log"
    return UserError(f"stage `{name}`: its process {ended}", fix=f"{hint}; run again to go on", where=str(log_path))


def finished_record(step: Step) -> Record:
    """The record of a step that must be done by now."""
    record = step.record()
    if record is None:
        happened = f"stage `{step.stage.name}` ended without a record"
        raise UserError(happened, "done.json; was the folder removed?", "run again", str(step.folder))
    return record
