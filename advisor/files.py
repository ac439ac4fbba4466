"""Writing the advisor's files: whole or not at all."""

import os
import tempfile
from pathlib import Path

from graders.errors import UserError


def write_whole(path: Path, text: str) -> None:
    """Replaces the file in one step, so that nobody sees half of it. Raises UserError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text)
    except OSError as error:
        raise UserError(
            f"cannot write: {error.strerror or error}",
            "a folder that you may write to, with room on the disk",
            "name another place with --out",
            str(path),
        ) from error


def _write(path: Path, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
