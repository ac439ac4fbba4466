"""Rows → train, validation and test, which share no prompt.

A row's part follows from the SHA-256 of its prompt alone: it stays where it is when rows are added, removed or sorted
anew, and rows with the same prompt stay together. Parts that have a file of their own take no share.
"""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from graders.errors import UserError
from pipelines.data.load import load_rows, rows_from
from pipelines.data.rows import Row, Rows, Split
from pipelines.data.source import read_table
from pipelines.data.spec import DataSpec, SplitSpec
from pipelines.data.table import Table

PARTS = ("train", "validation", "test")
FEWEST_FOR_VALIDATION = 200
"""Below this a validation part is too small to choose by (DESIGN, Split)."""


def load_split(spec: DataSpec, base: Path) -> Split:
    """Loads and splits the data of a plan; the one call that stages use. Paths are relative to `base`."""
    train = load_rows(spec.train, spec, base)
    if spec.limit is not None:
        train = limit_rows(train, spec.limit)
    return split_rows(train, spec.split, _held_out(spec.validation, spec, base), _held_out(spec.test, spec, base))


def split_rows(rows: Rows, spec: SplitSpec, validation: Rows | None = None, test: Rows | None = None) -> Split:
    """Splits `rows`; `validation` and `test` are those of files of their own. Raises UserError for an empty part."""
    notes: list[str] = []
    rows = _without(rows, test, "the test file", notes)
    validation_share = _validation_share(len(rows.rows), spec, validation, notes)
    test_share = 0.0 if test else spec.test
    parts: dict[str, list[Row]] = {name: [] for name in PARTS}
    for row in rows.rows:
        parts[_part(row, test_share, validation_share)].append(row)
    test = test or rows.only(parts["test"])
    validation = _without(validation, test, "test", notes) if validation else rows.only(parts["validation"])
    train = _without(rows.only(parts["train"]), validation, "validation", notes)
    _check_parts(train, test, rows, spec, [note for note in notes if "dropped" in note])
    return Split(train, validation, test, tuple(notes))


def split_beside(rows: Rows, split: Split, spec: DataSpec) -> Split:
    """Further rows, such as pairs: where a prompt stands in a part of `split` it stays there, else its hash decides.

    Where the plan names its test file, the test part is that file alone.
    """
    held = {prompt_hash(row): name for name in PARTS for row in getattr(split, name).rows}
    notes: list[str] = []
    test_share = 0.0 if spec.test else spec.split.test
    validation_share = _validation_share(len(rows.rows), spec.split, None, notes)
    parts: dict[str, list[Row]] = {name: [] for name in PARTS}
    for row in rows.rows:
        parts[held.get(prompt_hash(row)) or _part(row, test_share, validation_share)].append(row)
    if spec.test and parts["test"]:
        notes.append(f"{len(parts['test'])} rows of {rows.source} were dropped: their prompts are in the test file")
    test = split.test if spec.test else rows.only(parts["test"])
    return Split(rows.only(parts["train"]), rows.only(parts["validation"]), test, (*split.notes, *notes))


def limit_rows(rows: Rows, limit: int) -> Rows:
    """`limit` rows chosen by hash, in the file's order. Its hash is salted, else the choice would be all test rows."""
    if limit >= len(rows.rows):
        return rows
    chosen = sorted(rows.rows, key=lambda row: (prompt_hash(row, "limit"), row.number))[:limit]
    note = f"limited to {limit} of {len(rows.rows)} rows, chosen by hash"
    kept = rows.only(sorted(chosen, key=lambda row: row.number))
    return replace(kept, notes=(*kept.notes, note))


def prompt_hash(row: Row, salt: str = "") -> str:
    """SHA-256 of the prompt, system turn included, without regard to case, spaces and Unicode form."""
    turns = (f"{turn['role']}\n{turn['content']}" for turn in row.messages)
    text = unicodedata.normalize("NFKC", "\n".join(turns)).casefold()
    return hashlib.sha256((salt + "\n" + " ".join(text.split())).encode()).hexdigest()


def _part(row: Row, test_share: float, validation_share: float) -> str:
    place = int(prompt_hash(row)[:13], 16) / 16**13
    if place < test_share:
        return "test"
    return "validation" if place < test_share + validation_share else "train"


def _validation_share(num_rows: int, spec: SplitSpec, validation: Rows | None, notes: list[str]) -> float:
    if validation is not None:
        return 0.0
    if num_rows < FEWEST_FOR_VALIDATION and spec.validation > 0:
        notes.append(
            f"{num_rows} rows are fewer than {FEWEST_FOR_VALIDATION}: there is no validation part, "
            "and the last checkpoint will be taken"
        )
        return 0.0
    return spec.validation


def _without(rows: Rows, other: Rows | None, where: str, notes: list[str]) -> Rows:
    """The rows whose prompt is not in `other`; a note says how many were dropped."""
    if other is None:
        return rows
    held = {prompt_hash(row) for row in other.rows}
    kept = [row for row in rows.rows if prompt_hash(row) not in held]
    if dropped := len(rows.rows) - len(kept):
        notes.append(f"{dropped} rows of {rows.source} were dropped: their prompts are in {where}")
    return rows.only(kept)


def _check_parts(train: Rows, test: Rows, rows: Rows, spec: SplitSpec, dropped: Sequence[str]) -> None:
    """dropped: what was said of rows that went because their prompts are held out."""
    shares = f"split.test {spec.test}, split.validation {spec.validation}"
    different = len({prompt_hash(row) for row in rows.rows})
    if not test.rows:
        raise UserError(
            f"no test rows: {len(rows.rows)} rows with {different} different prompts, {shares}",
            "test rows, since nothing can be proved without them",
            "name a file with --test, raise split.test, or add rows",
            rows.source,
        )
    if not train.rows:
        raise UserError(
            "; ".join([f"no rows are left to train on: {len(rows.rows)} rows, {shares}", *dropped]),
            "rows whose prompts are neither in validation nor in test",
            "lower split.test and split.validation, add rows, or name other files",
            rows.source,
        )


def _held_out(source: str | None, spec: DataSpec, base: Path) -> Rows | None:
    if source is None:
        return None
    table = read_table(source, base)
    return rows_from(table, without_absent_answers(spec, table))


def without_absent_answers(spec: DataSpec, table: Table) -> DataSpec:
    """A held-out file need not have every answer column of train: worked steps, say. Its prompt it must have."""
    needed = ("prompt", "messages", "context", "system")
    columns = {role: name for role, name in spec.columns.items() if role in needed or name in table.columns}
    return spec.model_copy(update={"columns": columns})
