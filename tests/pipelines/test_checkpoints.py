"""A checkpoint is resumed only as it was written; else the one before it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.checkpoints import COMPLETE, damage, mark_whole, newest_checkpoint
from pipelines.job import Progress


def made(folder: Path, step: int, whole: bool = True) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    (checkpoint / "inner").mkdir(parents=True)
    (checkpoint / "model.safetensors").write_bytes(bytes(range(256)) * 40)
    (checkpoint / "inner" / "state.json").write_text(f'{{"step": {step}}}')
    if whole:
        mark_whole(checkpoint)
    return checkpoint


def newest(folder: Path) -> Path | None:
    return newest_checkpoint(folder, Progress(folder / "events.jsonl"))


def test_the_newest_whole_one_is_taken_and_a_half_written_one_removed(tmp_path: Path) -> None:
    made(tmp_path, 9)
    tenth = made(tmp_path, 10)
    half = made(tmp_path, 11, whole=False)
    assert newest(tmp_path) == tenth
    assert not half.exists()
    assert newest(tmp_path / "nothing") is None


def flip(checkpoint: Path) -> None:
    path = checkpoint / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (flip, "model.safetensors is not as it was written"),
    (lambda c: (c / "inner/state.json").unlink(), "inner/state.json is missing"),
    (lambda c: (c / "model.safetensors").write_bytes(b""), "model.safetensors is not as it was written"),
    (lambda c: (c / COMPLETE).write_text('{"model'), "its list of files, `complete`, cannot be read"),
    (lambda c: (c / COMPLETE).write_text("[]"), "its list of files, `complete`, cannot be read"),
]


@pytest.mark.parametrize(("damaging", "said"), DAMAGES)
def test_a_damaged_one_is_told_and_the_one_before_it_is_used(
    tmp_path: Path, damaging: Callable[[Path], object], said: str
) -> None:
    before, last = made(tmp_path, 4), made(tmp_path, 8)
    damaging(last)
    assert damage(last) == said
    assert newest(tmp_path) == before
    told = [json.loads(line)["say"] for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert told == [f"checkpoint-8 is damaged ({said}): the one before it is used"]
    assert not last.exists()


def test_of_several_processes_the_first_alone_removes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = made(tmp_path, 2)
    half = made(tmp_path, 3, whole=False)
    monkeypatch.setenv("RANK", "1")
    assert newest(tmp_path) == second
    assert half.exists()
    monkeypatch.setenv("RANK", "0")
    assert newest(tmp_path) == second
    assert not half.exists()
