"""Files that outlive a process are written whole or not at all."""

import os
import tempfile
from pathlib import Path

from graders.errors import UserError


def write_atomically(path: Path, text: str) -> None:
    """Writes UTF-8 text beside `path`, syncs it and puts it in place at once; folders are made.

    What UTF-8 cannot hold (half a surrogate pair in a model's output) becomes "?". Raises UserError when the disk is
    full or may not be written; then nothing is left behind.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _cannot_write(path: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot write the file: {error.strerror or error}", fix="make room or choose another folder", where=str(path)
    )
