"""What runs in a stage's own process: python /…/pipelines/worker.py JOB.json

With `--launch PID ARGUMENT...` it becomes `python ARGUMENT...`, a launcher of several workers, that dies with PID.

Started by its absolute path, never with -m: a user's own pipelines/ folder would win. Writes each stage's done.json
as it ends, or error.json beside the job file. Exit codes: 0 done, 1 a UserError, 2 a bug, 75 stopped.
"""

import ctypes
import errno
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
PR_SET_PDEATHSIG = 1
LAUNCH = "--launch"
NO_ROOM = (
    "no space is left on the disk\n  expected: room for checkpoints and a model\n  to fix:   make room and run again"
)


def die_with_parent(parent: int | None) -> None:
    """Asks Linux to kill this process when its parent dies. `parent`: the pid it should have, if known."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        sys.exit(1)


def main(job_path: Path) -> int:
    """Runs the jobs of a job file, one after another; see `pipelines/work_file.py` for the file's form."""
    sys.path[0] = str(ROOT)
    from graders.errors import UserError
    from pipelines import processes
    from pipelines.job import Stopped

    file = json.loads(job_path.read_text(encoding="utf-8"))
    die_with_parent(file["runner"])
    try:
        processes.begin(meet=not file["trains"])
        for part in file["jobs"]:
            _run(file, part)
    except Stopped:
        _fail(job_path, {"stopped": "a signal came"})
        return 75
    except UserError as error:
        _fail(job_path, {"message": str(error)})
        return 1
    except OSError as error:
        traceback.print_exc()
        _fail(job_path, {"message": f"{error.strerror or error}: {error.filename or ''}"})
        return 1
    except Exception as error:  # noqa: BLE001 - the runner shows where it was, the log keeps the traceback
        traceback.print_exc()
        if no_room(error):
            _fail(job_path, {"message": NO_ROOM})
            return 1
        _fail(job_path, {"bug": f"{type(error).__name__}: {error}"})
        return 2
    return 0


def _fail(job_path: Path, what: Mapping[str, str]) -> None:
    """Of several processes the first to fail is told of; the others only lost their peer."""
    path = job_path.with_name("error.json")
    if not path.exists():
        _write(path, what)


def no_room(error: Exception) -> bool:
    """Whether a library that writes by itself (safetensors, torch) met a full disk, a quota or a limit of file size."""
    return any(os.strerror(code) in str(error) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def _run(file: dict[str, Any], part: dict[str, Any]) -> None:
    from pipelines import processes
    from pipelines.job import Job, Progress
    from pipelines.plan import Plan
    from pipelines.stages import STAGES
    from pipelines.state import Record, versions

    started = time.monotonic()
    folder = Path(part["folder"])
    progress = Progress(folder / "events.jsonl")
    _stop_on_signal(progress)
    plan = Plan.model_validate(file["plan"], context={"folder": Path(file["base"])})
    rows = Path(part["rows"]) if part["rows"] else None
    times = (part["match_seconds"], progress, rows, part["most_seconds"])
    job = Job(plan, part["stage"], Path(file["base"]), folder, part["policy"], *times)
    numbers = STAGES[part["type"]].function()(job)
    if not processes.is_first():
        return
    record = Record(
        stage=part["stage"],
        type=part["type"],
        fingerprint=part["fingerprint"],
        parts=part["parts"],
        numbers=dict(numbers),
        seconds=round(time.monotonic() - started, 1),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions(),
        guards=plan.guards(),
    )
    _write(folder / "done.json", record.model_dump(mode="json"))


def _stop_on_signal(progress: object) -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        progress.stop_requested = True  # type: ignore[attr-defined]  # a Progress; its type needs the import above

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _write(path: Path, value: object) -> None:
    from pipelines.files import write_json

    write_json(path, value)


def become_launcher(runner: int, arguments: list[str]) -> NoReturn:
    """Replaces this process; Linux keeps what was asked of it over exec."""
    die_with_parent(runner)
    os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == "__main__":
    if sys.argv[1] == LAUNCH:
        become_launcher(int(sys.argv[2]), sys.argv[3:])
    sys.exit(main(Path(sys.argv[1])))
