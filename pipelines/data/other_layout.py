"""Rows without a prompt that have one when they are read by themselves: the file holds two layouts."""

from graders.errors import UserError
from pipelines.data.load import rows_from
from pipelines.data.roles import find_roles
from pipelines.data.rows import Rows
from pipelines.data.spec import DataSpec
from pipelines.data.table import Cells, make_table


def other_layout(rows: Rows) -> tuple[str, frozenset[int]]:
    """Such as "prompt+completion (instruction, output)", and the numbers of the rows that have it; "" and none else."""
    lacking = {row.number for row in rows.rows if not row.prompt.strip()}
    cells = [(row.number, _filled(row.columns)) for row in rows.rows if row.number in lacking]
    if not any(filled for _, filled in cells) or len(cells) == len(rows.rows):
        return "", frozenset()
    alone = make_table(rows.source, cells)
    plain = DataSpec(train=rows.source)
    try:
        reading, read = find_roles(alone, plain), rows_from(alone, plain)
    except UserError:
        return "", frozenset()
    prompted = frozenset(row.number for row in read.rows if row.prompt.strip())
    return f"{reading.layout} ({', '.join(dict.fromkeys(reading.columns.values()))})" if prompted else "", prompted


def _filled(cells: Cells) -> Cells:
    return {name: value for name, value in cells.items() if value not in (None, "")}
