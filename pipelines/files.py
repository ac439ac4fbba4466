"""Writing files so that a reader sees the old or the new one, never half; and the hash of what a file holds."""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from graders.errors import UserError


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 atomically: a temporary file beside it, flushed to disk, then renamed; folders are made.

    What UTF-8 cannot hold (half a surrogate pair in a model's output) becomes "?". Raises UserError when the disk is
    full or may not be written; then nothing is left behind.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode("utf-8", "replace"))
                file.flush()
                os.fsync(file.fileno())
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
            Path(temporary).chmod(mode)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserError(
            f"cannot write: {error.strerror or error}", "a writable folder with free space", where=str(path)
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Atomic, indented, keys in the order given."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def remove_tree(folder: Path) -> None:
    """Removes a folder so that, stopped at any point, it leaves the whole one or none of that name."""
    doomed = folder.with_name(f".{folder.name}.removed")
    shutil.rmtree(doomed, ignore_errors=True)
    if folder.exists():
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def digest_text(text: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def digest_path(path: Path) -> str:
    """SHA-256 of a file's bytes, or of a folder's files (names and bytes, hidden ones left out).

    Raises UserError for what cannot be read.
    """
    if path.is_file():
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            happened = f"cannot be read: {error.strerror or error}"
            raise UserError(happened, "a file that you may read", f"chmod u+r {path}", str(path)) from error
    names = sorted(p for p in path.rglob("*") if p.is_file() and not p.relative_to(path).parts[0].startswith("."))
    return digest_text("\n".join(f"{p.relative_to(path)} {digest_path(p)}" for p in names))
