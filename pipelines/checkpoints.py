"""Whole checkpoints: each ends with a list of its files and their SHA-256, so that a damaged one is never resumed.

A checkpoint without the list was not written to its end. Where the newest is damaged, the one before it is used.
"""

import json
import shutil
from pathlib import Path

from graders.errors import UserError
from pipelines import processes
from pipelines.files import digest_path, write_text
from pipelines.job import Progress

COMPLETE = "complete"
"""The list, written last."""


def mark_whole(checkpoint: Path) -> None:
    """Call when all processes have written their part."""
    files = [path for path in sorted(checkpoint.rglob("*")) if path.is_file() and path.name != COMPLETE]
    listed = {str(path.relative_to(checkpoint)): digest_path(path) for path in files}
    write_text(checkpoint / COMPLETE, json.dumps(listed, indent=1) + "\n")


def newest_checkpoint(folder: Path, progress: Progress) -> Path | None:
    """The newest that is as it was written; half-written and damaged ones are removed, by one process."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rsplit("-", 1)[1]), reverse=True)
    for checkpoint in found:
        fault = damage(checkpoint)
        if fault is None:
            return checkpoint
        if (checkpoint / COMPLETE).exists():
            progress.say(f"{checkpoint.name} is damaged ({fault}): the one before it is used")
        if processes.is_first():
            shutil.rmtree(checkpoint)
    return None


def damage(checkpoint: Path) -> str | None:
    """What is wrong with it; None where every file is as it was written."""
    try:
        listed = json.loads((checkpoint / COMPLETE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "it was not written to its end"
    except (OSError, ValueError):
        return f"its list of files, `{COMPLETE}`, cannot be read"
    if not isinstance(listed, dict):
        return f"its list of files, `{COMPLETE}`, cannot be read"
    faults = (_fault(checkpoint / name, name, digest) for name, digest in listed.items())
    return next((fault for fault in faults if fault is not None), None)


def _fault(path: Path, name: str, digest: object) -> str | None:
    if not path.is_file():
        return f"{name} is missing"
    try:
        same = digest_path(path) == digest
    except UserError:
        return f"{name} cannot be read"
    return None if same else f"{name} is not as it was written"
