"""What a grader reads that the rows do not have: said before training, with the numbers of the rows.

In: a grader, the rows of all parts, the schema of the answers. Out: sentences for the user; UserError where a variable
is in no row at all, or can never be: then nothing could be graded. Read are the `{{item.…}}` and `{{sample.…}}` of
every template, and in Python source `item["key"]` and `item.get("key")`.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graders.base import Grader, Sample
from graders.errors import UserError
from graders.template import MissingVariable, fill, variables
from pipelines.data.rows import SHOWN_ROWS, Row
from pipelines.data.table import did_you_mean, listed
from pipelines.job import Job

_OF_A_SAMPLE = ("output_text", "output_json", "output_tools", "choices")


@dataclass(frozen=True, slots=True)
class _Read:
    """A variable (`item.answer`) and the field of the grader that reads it (`graders.a.reference`)."""

    variable: str
    where: str

    def __str__(self) -> str:
        return f"{{{{{self.variable}}}}} in {self.where}"

    @property
    def key(self) -> str:
        """`output_json` of sample.output_json.name."""
        return self.variable.partition(".")[2].partition(".")[0].partition("[")[0]


def checked_grader(job: Job, name: str, rows: Sequence[Row]) -> Grader:
    """The plan's grader of that name, after saying what it reads that some rows lack, before any model is loaded.

    Raises UserError as check_items does.
    """
    grader: Grader = job.plan.graders[name]
    for note in check_items(grader, rows):
        job.progress.say(note)
    return grader


def check_against_rows(grader: Grader, rows: Sequence[Row], schema: Mapping[str, Any] | None) -> list[str]:
    """Notes on what some rows lack; raises UserError for what none has or can have. For an imported grader."""
    config = grader.model_dump(mode="json")
    reads = list(dict.fromkeys(_templates(config, "")))
    impossible = [
        f"{read}: {why}" for read in reads if not read.variable.startswith("item.") and (why := _impossible(read))
    ]
    return [
        *_lacks(reads, rows, impossible),
        *(note for read in reads if (note := _beside_schema(read, schema))),
        *_source_notes(config, rows),
    ]


def check_items(grader: Grader, rows: Sequence[Row]) -> list[str]:
    """Notes on the `{{item.…}}` that some rows lack; raises UserError for one that none has. For a plan's grader."""
    return _lacks(list(dict.fromkeys(_templates(grader.model_dump(mode="json"), ""))), rows, []) if rows else []


def _lacks(reads: Sequence[_Read], rows: Sequence[Row], impossible: list[str]) -> list[str]:
    lacking = {read: _lacking(read, rows) for read in reads if read.variable.startswith("item.")}
    absent = [read for read, numbers in lacking.items() if len(numbers) == len(rows)]
    if impossible or absent:
        columns = list(dict.fromkeys(name for row in rows for name in row.columns))
        faults = [*impossible, *(f"{read}: none of the {len(rows):,} rows has it" for read in absent)]
        raise UserError(
            "\n".join(["the grader reads what is never there:", *(f"  {fault}" for fault in faults)]),
            f"item and a column of the rows ({listed(columns)}), or sample and one of {listed(_OF_A_SAMPLE)}",
            next((hint for read in absent if (hint := did_you_mean(read.key, columns))), ""),
        )
    return [_partly(read, numbers, rows) for read, numbers in lacking.items() if numbers]


def _templates(value: Any, where: str) -> Iterator[_Read]:
    """The variables of all texts, but for Python source, where braces mean something else."""
    if isinstance(value, str):
        yield from (_Read(path, where) for path in variables(value))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _templates(item, f"{where}[{place}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            if key != "source":
                yield from _templates(item, f"{where}.{key}" if where else key)


def _lacking(read: _Read, rows: Sequence[Row]) -> list[int]:
    return [row.number for row in rows if not _has(f"{{{{{read.variable}}}}}", row)]


def _has(template: str, row: Row) -> bool:
    try:
        fill(template, Sample("", "", row=row.columns))
    except MissingVariable:
        return False
    return True


def _impossible(read: _Read) -> str:
    if not read.variable.startswith("sample."):
        return "only item.… and sample.… have variables"
    if read.key not in _OF_A_SAMPLE:
        return f"no sample has {read.key or 'such a variable'}"
    return "this version trains answers of text, which call no tools" if "output_tools[" in read.variable else ""


def _partly(read: _Read, numbers: Sequence[int], rows: Sequence[Row]) -> str:
    shown = listed(numbers, SHOWN_ROWS)
    return f"{read}: {len(numbers):,} of {len(rows):,} rows lack it (rows {shown}); they will be unscored."


def _beside_schema(read: _Read, schema: Mapping[str, Any] | None) -> str:
    """What the grader reads of an answer's JSON that the schema of answers does not have."""
    field = read.variable.removeprefix("sample.output_json").lstrip(".").partition(".")[0].partition("[")[0]
    properties = schema.get("properties") if schema else None
    if read.key != "output_json" or not field or not isinstance(properties, Mapping) or field in properties:
        return ""
    return f"{read}: the response format has no {field!r} (it has {listed(properties)})."


def _source_notes(config: Any, rows: Sequence[Row]) -> Iterator[str]:
    """Python may do without a key, so what it reads is only noted."""
    if isinstance(config, dict) and config.get("type") == "python" and isinstance(config.get("source"), str):
        for key in dict.fromkeys(_source_keys(config["source"])):
            if lacking := sum(key not in row.columns for row in rows):
                yield f'the python source reads item["{key}"], which {lacking:,} of {len(rows):,} rows lack.'
    for inner in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        yield from _source_notes(inner, rows)


def _source_keys(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Subscript(value=ast.Name(id="item"), slice=ast.Constant(value=str() as key)):
                yield key
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="item"), attr="get"), args=[ast.Constant(value=str() as key), *_]
            ):
                yield key
