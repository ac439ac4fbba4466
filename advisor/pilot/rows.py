"""The pilot's rows: the plan's training rows teach, its validation rows compare. Test rows are never read.

They are written as files of their own, from which each arm sets a part aside for its checkpoints as every plan does.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from graders.errors import UserError
from pipelines.data.checked import load_checked, load_preferences
from pipelines.data.rows import Row, Split
from pipelines.data.spec import DataSpec
from pipelines.data.split import prompt_hash
from pipelines.evals.compare import FEWEST_PROMPTS
from pipelines.files import write_text
from pipelines.plan_file import LoadedPlan


def load(loaded: LoadedPlan) -> Split:
    """The plan's split. Raises UserError where its validation rows are too few to tell methods apart."""
    split = load_checked(loaded.plan.data, loaded.folder)
    if len(split.validation.rows) < FEWEST_PROMPTS:
        raise UserError(
            f"{len(split.validation.rows)} validation rows cannot tell one method from another",
            f"at least {FEWEST_PROMPTS}, better some hundreds",
            "name a file of them in the plan (data.validation), or raise data.split.validation",
            loaded.plan.data.train,
        )
    return split


def write(split: Split, spec: DataSpec, folder: Path) -> DataSpec:
    """Both files; returns how to read them."""
    write_rows(folder / "train.jsonl", split.train.rows)
    write_rows(folder / "compared.jsonl", split.validation.rows)
    named = {"train": str(folder / "train.jsonl"), "validation": None, "test": str(folder / "compared.jsonl")}
    return spec.model_copy(update={**named, "limit": None})


def preferred(loaded: LoadedPlan) -> tuple[Row, ...]:
    """The training rows of `data.preferences`; none where the plan's own rows hold the preferences, if any."""
    spec = loaded.plan.data
    return load_preferences(spec, loaded.folder).train.rows if spec.preferences else ()


def part_of_labels(split: Split, share: float, path: Path) -> int:
    """A file of that share of the rows with an answer to imitate, chosen by hash, the smaller within the larger;
    returns how many. Rows without one are left out: SFT does not read them."""
    shown = [row for row in split.train.rows if row.demonstration]
    chosen = sorted(shown, key=lambda row: prompt_hash(row, "labels"))[: max(1, round(share * len(shown)))]
    write_rows(path, sorted(chosen, key=lambda row: row.number))
    return len(chosen)


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """The rows as they were read; what JSON has no form for becomes text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(dict(row.columns), ensure_ascii=False, default=str) + "\n" for row in rows)
    text = "".join(lines)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
