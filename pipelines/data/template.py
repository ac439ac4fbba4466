"""Prompts made from columns: `{{column}}` or `{{item.column}}` is filled from each row.

All places are filled in one pass, so braces inside a cell are text like any other.
"""

import json
import re
from collections.abc import Iterable, Mapping

from graders.errors import UserError
from pipelines.data.table import Cells, did_you_mean, listed

_PLACE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


def check_template(template: str, columns: Iterable[str], where: str, constant: bool = False) -> None:
    """Raises UserError for a place that names no column, and for a template without any place unless `constant`."""
    known = set(columns)
    places = _PLACE.findall(template)
    if not places and not constant:
        raise UserError(
            f"the template has no place to fill: {template!r}",
            "{{column}} for at least one column",
            f"the columns are: {listed(sorted(known))}",
            where,
        )
    for place in places:
        column = _column(place, known)
        if column not in known:
            raise UserError(
                f'the template names "{place}", which is no column',
                f"{{{{column}}}} with one of: {listed(sorted(known))}",
                did_you_mean(column, known),
                where,
            )


def template_columns(template: str | None, columns: Iterable[str]) -> list[str]:
    """The columns that a template is filled from, each once."""
    known = set(columns)
    return list(dict.fromkeys(_column(place, known) for place in _PLACE.findall(template or "")))


def fill_template(template: str, cells: Cells, columns: Iterable[str]) -> str:
    """The template with this row's values; what the row lacks is empty."""
    known = set(columns)

    def value(place: re.Match[str]) -> str:
        column = _column(place[1], known)
        found: object = cells.get(column)
        for key in _keys(place[1], column):
            found = found.get(key) if isinstance(found, Mapping) else None
        return as_text(found) or ""

    return _PLACE.sub(value, template)


def as_text(value: object) -> str | None:
    """A cell as text: lists and objects as JSON; None where there is nothing but white space.

    Raises UserError for bytes, such as those of an image.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, bytes):
        raise UserError("a value is bytes that are no text", "text", "name another column, or write it as UTF-8 text")
    return json.dumps(value, ensure_ascii=False, default=str)


def _column(place: str, known: set[str]) -> str:
    """`item.question` → `question`; `fields.date` → `fields`; a column that has dots in its name is itself."""
    if place in known:
        return place
    if place.startswith("item.") and "item" not in known:
        return _column(place.removeprefix("item."), known)
    head = place.split(".", 1)[0]
    return head if head in known else place


def _keys(place: str, column: str) -> list[str]:
    """The keys below the column: `fields.date` → ["date"]."""
    if place.startswith("item.") and column != "item" and not column.startswith("item."):
        place = place.removeprefix("item.")
    rest = place.removeprefix(column).removeprefix(".")
    return rest.split(".") if rest else []
