"""A grader is made of its file and of what that imports from its folder."""

from pathlib import Path

from graders.own_imports import with_imports
from graders.python import Python


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_imports_of_the_folder_are_followed_and_others_are_not(tmp_path: Path) -> None:
    write(
        tmp_path,
        gr="import json, hlp\nfrom units.length import metres\ndef grade(sample, item):\n    import late",
        hlp="from deeper import V",
        deeper="import gr, torch\nV = 1",
        late="",
        other="",
        units__length="metres = 1",
        units__weight="",
    )
    found = with_imports(tmp_path / "gr.py")
    assert found == ["gr.py", "deeper.py", "hlp.py", "late.py", "units/length.py", "units/weight.py"]


def test_a_file_that_is_missing_or_no_python_stands_alone(tmp_path: Path) -> None:
    write(tmp_path, broken="def grade(:")
    assert with_imports(tmp_path / "broken.py") == ["broken.py"]
    assert with_imports(tmp_path / "none.py") == ["none.py"]


def test_a_graders_files_are_named_from_the_plans_folder(tmp_path: Path) -> None:
    write(tmp_path, lib__gr="import hlp", lib__hlp="")
    grader = Python.model_validate({"function": "lib/gr.py:grade"}, context={"folder": tmp_path})
    assert grader.files() == ("lib/gr.py", "lib/hlp.py")
