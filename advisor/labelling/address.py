"""One page a stage, at an address that stays: a page that was open when its server was killed goes on with the next."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from graders.errors import UserError
from pipelines.files import write_json


@dataclass(frozen=True, slots=True)
class Address:
    """port 0: any that is free."""

    token: str
    port: int


@contextmanager
def claim(folder: Path, stage: str) -> Iterator[Address]:
    """The address that this stage's page had before, or a new one. UserError, with the address, while a page is up."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{stage}.address.json"
    descriptor = os.open(folder / f"{stage}.page.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                "the page for this stage is up already", "one at a time", f"open {_told(kept)}", str(folder)
            ) from None
        before = _read(kept)
        yield before or Address(secrets.token_urlsafe(16), 0)
    finally:
        os.close(descriptor)


def keep(folder: Path, stage: str, address: Address) -> None:
    """Writes the address where the next page finds it; only the user may read it."""
    path = folder / f"{stage}.address.json"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    write_json(path, {"token": address.token, "port": address.port})


def _read(path: Path) -> Address | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Address(str(found["token"]), int(found["port"]))
    except (OSError, ValueError, KeyError):
        return None


def _told(path: Path) -> str:
    found = _read(path)
    return f"http://127.0.0.1:{found.port}/{found.token}/" if found else "the address that it printed"
