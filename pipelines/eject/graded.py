"""A plan's grader as the reward of a peer that takes Python functions, as TRL and Axolotl do.

Beside the config stands reward_<stage>.py, which the peer imports, and grader_<stage>/ with the grader, its own files
and the rows that it grades by. The peer's machine needs finetune-advisor for it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from graders.errors import UserError
from graders.reward_model import stages_of, with_folders
from pipelines.data.rows import Row
from pipelines.eject.ready import Ready
from pipelines.grader_file import load_grader
from pipelines.rewards import RewardFunction, reward_function

ROWS, GRADER, SAMPLES = "rows.jsonl", "grader.yaml", "samples.jsonl"
_MODULE = '''"""The grader `{grader}` as a reward. Needs finetune-advisor: pip install finetune-advisor"""

from pathlib import Path

from pipelines.eject.graded import reward_from

reward = reward_from(Path(__file__).with_name("{folder}"), overlong_from={overlong})
'''


def reward_name(ready: Ready) -> str:
    """The module of a stage's reward."""
    return f"reward_{ready.name.replace('-', '_')}"


def graded_files(ready: Ready) -> dict[str, str | list[dict[str, Any]]]:
    """Raises UserError for a file of the grader that cannot be copied."""
    name = ready.plan.reward_of(ready.stage)
    grader, folder = ready.plan.graders[name], f"grader_{ready.name}"
    config = grader.model_dump(mode="json", exclude_defaults=True)
    starts = {stage: f"../{ready.reward.folder}" for stage in stages_of(config)} if ready.reward else {}
    overlong = ready.new_tokens if ready.stage.overlong_penalty else None
    rows = [example.row for example in (*ready.train.examples, *ready.held.examples) if example.row is not None]
    return {
        f"{reward_name(ready)}.py": _MODULE.format(grader=name, folder=folder, overlong=overlong),
        f"{folder}/{GRADER}": yaml.safe_dump(with_folders(config, starts), sort_keys=False, allow_unicode=True),
        f"{folder}/{ROWS}": [_plain(row) for row in rows],
        **{f"{folder}/{file}": _text(ready.folder, file) for file in grader.files()},
    }


def _text(folder: Path, file: str) -> str:
    path = (folder / file).resolve()
    if path.is_relative_to(folder) and path.is_file():
        return path.read_text(encoding="utf-8")
    raise UserError(
        f"the grader reads {file}, which cannot be copied beside the config",
        "a text file in the plan's folder",
        "put it there, or leave the stage out: --stage with another",
        str(path),
    )


def _plain(row: Row) -> dict[str, Any]:
    """JSON keeps what a grader reads; a date becomes its text."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(row), default=str))
    return plain


def _row(plain: Mapping[str, Any]) -> Row:
    return Row(**{**plain, "messages": tuple(plain["messages"])})


def reward_from(folder: Path, overlong_from: int | None = None) -> RewardFunction:
    """The reward of the ejected folder; one graded answer a batch is added to samples.jsonl in it, to be looked at.

    overlong_from: see rewards.reward_function.
    """
    with (folder / ROWS).open(encoding="utf-8") as lines:
        rows = [_row(json.loads(line)) for line in lines]

    def seen(sample: Mapping[str, Any]) -> None:
        with (folder / SAMPLES).open("a", encoding="utf-8") as file:
            file.write(json.dumps(sample, ensure_ascii=False) + "\n")

    return reward_function(load_grader(folder / GRADER).grader, rows, seen, overlong_from)
