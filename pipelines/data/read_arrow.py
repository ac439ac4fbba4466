"""Parquet files, folders saved by `datasets`, and hub ids → a Table. The heavy imports happen inside."""

import datetime as dt
import decimal
import math
from collections import Counter
from pathlib import Path
from typing import Any

from graders.errors import UserError
from pipelines.data.table import Table, listed, make_table

_WRITTEN_AS_TEXT = (decimal.Decimal, dt.date, dt.time, dt.timedelta)  # a datetime is a date


def read_parquet(path: Path, where: str) -> Table:
    """A row's number counts from 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
        if len(set(names)) < len(names):
            raise _names_twice(names, where)
        rows = pq.read_table(path).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"not a readable parquet file: {error}", "a whole parquet file", where=where) from error
    return _table(rows, where)


def _names_twice(names: list[str], where: str) -> UserError:
    twice = [name for name, count in Counter(names).items() if count > 1]
    happened = f"a column's name stands more than once: {listed(twice)}"
    return UserError(happened, "a name of its own for each column", "rename or remove one of them", where)


def read_saved(folder: Path, where: str) -> Table:
    """A folder that `Dataset.save_to_disk` wrote. One with several splits must be named with the split."""
    splits = sorted(path.name for path in folder.iterdir() if (path / "state.json").is_file())
    if not (folder / "state.json").is_file():
        raise UserError(
            f"the folder holds the splits {listed(splits)}", "one split", f"name it: {where}/{splits[0]}", where
        )
    import datasets

    try:
        saved = datasets.load_from_disk(str(folder))
    except (OSError, ValueError) as error:
        raise UserError(
            f"not a readable saved dataset: {error}", "a folder that save_to_disk wrote", where=where
        ) from None
    return _dataset_table(saved, where)


def read_hub(hub_id: str) -> Table:
    """owner/name, owner/name:split or owner/name/config:split from the Hugging Face hub or its local cache."""
    import datasets

    name, _, split = hub_id.partition(":")
    owner, title, *config = name.split("/")
    try:
        loaded = datasets.load_dataset(f"{owner}/{title}", *config, split=split or None)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"the hub's dataset cannot be loaded: {' '.join(str(error).split())[:400]}",
            "owner/name, owner/name:split or owner/name/config:split of a public or permitted dataset, and a network",
            "check the name; without a network, name a local file",
            hub_id,
        ) from error
    return _dataset_table(_one_split(loaded, name), hub_id)


def _one_split(loaded: Any, name: str) -> Any:
    if not hasattr(loaded, "keys"):
        return loaded
    splits = list(loaded.keys())
    if len(splits) == 1:
        return loaded[splits[0]]
    raise UserError(f"the dataset has the splits {listed(splits)}", "one split", f"name it: {name}:{splits[0]}", name)


def _dataset_table(dataset: Any, where: str) -> Table:
    rows = dataset.to_list()
    for column, feature in dataset.features.items():
        names = getattr(feature, "names", None)
        if names and hasattr(feature, "int2str"):
            for row in rows:
                row[column] = None if row[column] is None or row[column] < 0 else names[row[column]]
    return _table(rows, where)


def _table(rows: list[dict[str, Any]], where: str) -> Table:
    cleaned = [{name: plain_value(value) for name, value in row.items()} for row in rows]
    return make_table(where, list(enumerate(cleaned, start=1)))


def plain_value(value: Any) -> Any:
    """The value as a JSON or CSV file would hold it: money and dates as text, NaN (pandas' "nothing") as null.

    Bytes that are no text stay, so that a column of images that plays no role is no fault.
    """
    if isinstance(value, dict):
        return {key: plain_value(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain_value(inner) for inner in value]
    if isinstance(value, bytes):
        return _decoded(value)
    if isinstance(value, float) and math.isnan(value):
        return None
    return str(value) if isinstance(value, _WRITTEN_AS_TEXT) else value


def _decoded(value: bytes) -> str | bytes:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value
