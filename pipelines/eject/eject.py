"""Writes the folder of an ejected plan: beside its place, then put there whole."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from graders.errors import UserError
from pipelines.data.rows import Row
from pipelines.eject.folder import not_carried_text, readme, run_script
from pipelines.eject.peers import PEERS
from pipelines.eject.ready import Ejected, Made, Ready, Rows
from pipelines.eject.resolve import Ejection, resolve
from pipelines.files import digest_path, new_file_mode, write_json, write_text
from pipelines.plan_file import LoadedPlan
from pipelines.state import versions

RECORD, LIST, SCRIPT, TESTS = "eject.json", "NOT_CARRIED.md", "run.sh", "test.jsonl"


def eject(loaded: LoadedPlan, run_folder: Path, to: str, folder: Path, only: str | None) -> Ejected:
    """to: the peer's name. only: one stage. Raises UserError, before anything is written, for what cannot be done."""
    if folder.exists() and not (folder / RECORD).exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise UserError("there is something else already", "a new folder", "--out another one", str(folder))
    peer = PEERS[to]
    found = resolve(loaded, run_folder, peer, only)
    made = {ready.name: peer.made(ready) for ready in found.ready}
    told = _left(found, made)
    in_order = {stage.name: told[stage.name] for stage in loaded.plan.stages if stage.name in told}
    done = Ejected(folder, peer.title, made, in_order)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for ready in found.ready:
        _write_stage(partial, ready, made[ready.name], peer.title)
    _write_lines(partial / TESTS, (_test_row(row) for row in found.tests))
    write_text(partial / SCRIPT, run_script(made))
    (partial / SCRIPT).chmod(new_file_mode() | 0o111)
    write_text(partial / LIST, not_carried_text(done))
    write_text(partial / "README.md", readme(done, peer, found.ready, loaded.plan.name))
    record = {"plan": loaded.plan.name, "plan_digest": digest_path(loaded.path), "to": to, "stages": list(made)}
    write_json(partial / RECORD, {**record, "versions": versions()})
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return done


def _left(found: Ejection, made: Mapping[str, Made]) -> dict[str, tuple[str, ...]]:
    stages = {one.stage.name: (f"the whole stage: {one.why}",) for one in found.left}
    return {**stages, **{name: one.left for name, one in made.items() if one.left}}


def _write_stage(folder: Path, ready: Ready, made: Made, title: str) -> None:
    head = f"# {ready.name} ({ready.stage.type}) of the plan {ready.plan.name}, for {title}.\n"
    config = yaml.safe_dump(dict(made.config), sort_keys=False, allow_unicode=True)
    write_text(_place(folder / f"{ready.name}.yaml"), head + config)
    for name, content in made.files.items():
        if isinstance(content, str):
            write_text(_place(folder / name), content)
        else:
            _write_lines(folder / name, content)


def _place(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write_lines(path: Path, rows: "Iterable[Mapping[str, Any]] | Rows") -> None:
    with _place(path).open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def _test_row(row: Row) -> dict[str, Any]:
    """For whoever evaluates: the prompt, what a right answer is, and a pair where the row has one."""
    told = {"reference": row.expected, "chosen": row.chosen, "rejected": row.rejected, "desirable": row.desirable}
    known = {key: value for key, value in told.items() if value is not None}
    return {"messages": [dict(turn) for turn in row.messages], **known}
