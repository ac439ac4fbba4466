"""Nothing half-written or half-removed keeps its name."""

import shutil
from pathlib import Path

import pytest

from pipelines.files import remove_tree


def test_a_removal_that_is_killed_leaves_nothing_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "sft-12345678"

    def killed(path: Path, **_: object) -> None:
        if Path(path).exists():
            raise KeyboardInterrupt

    for _ in range(2):
        folder.mkdir()
        (folder / "done.json").touch()
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "rmtree", killed)
            with pytest.raises(KeyboardInterrupt):
                remove_tree(folder)
        remove_tree(folder)
        assert list(tmp_path.iterdir()) == []


def test_removing_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    remove_tree(tmp_path / "none")
