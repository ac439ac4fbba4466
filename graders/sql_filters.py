"""What a reference's filters ask, as data for graders/sql_literals.py; and the reference with its ties broken two ways.

In: a query and the schema (table → columns). Out: blocks, one for each SELECT over plain tables: `joined` selects the
rowids of its tables joined; each of `probes` is one comparison of a column with constants, and `others` selects the
rows of that column's table that pass all other filters. A query that sqlglot cannot read gives nothing.
Left out: filters on aggregates (HAVING), on two columns, and inside OR with more than 20 parts.
"""

import contextlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

_MAX_PROBES = 20


@lru_cache(maxsize=256)
def parsed(sql: str) -> Any:
    """sqlglot's tree of a query, not to be altered; None when it cannot be read."""
    import sqlglot

    with contextlib.suppress(sqlglot.errors.SqlglotError, RecursionError, ValueError):
        tree = sqlglot.parse_one(sql, read="sqlite")
        tree.sql(dialect="sqlite")  # too deep a tree fails here, not later
        return tree if isinstance(tree, sqlglot.exp.Query) else None
    return None


def is_ordered(sql: str) -> bool:
    """Whether the query has an ORDER BY at its top level."""
    tree = parsed(sql)
    return tree is not None and tree.args.get("order") is not None


def tie_breakers(sql: str, num_columns: int) -> list[str]:
    """The query with ties broken upwards and downwards, where it orders or limits rows; else nothing.

    Where both give the same rows, a LIMIT does not cut through a tie.
    """
    tree = parsed(sql)
    if tree is None or not any(node.args.get("order") or node.args.get("limit") for node in _queries(tree)):
        return []
    return [_with_ties_broken(tree, num_columns, downwards) for downwards in (False, True)]


def filter_blocks(sql: str, schema: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The blocks described above; JSON's types only."""
    import sqlglot
    from sqlglot import exp

    tree = parsed(sql)
    if tree is None:
        return []
    columns = {table.lower(): {name.lower() for name in names} for table, names in schema.items()}
    blocks = []
    for select in tree.find_all(exp.Select):
        with contextlib.suppress(sqlglot.errors.SqlglotError, RecursionError):
            block = _block(select, columns)
            if block:
                blocks.append(block)
    return blocks


def _queries(tree: Any) -> list[Any]:
    from sqlglot import exp

    return list(tree.find_all(exp.Select, exp.SetOperation))


def _with_ties_broken(tree: Any, num_columns: int, downwards: bool) -> str:
    from sqlglot import exp

    tree = tree.copy()
    for query in _queries(tree):
        if not (query.args.get("limit") or (query is tree and query.args.get("order"))):
            continue
        starred = any(isinstance(column, exp.Star) or column.is_star for column in query.selects)
        if starred and query is not tree:
            continue
        count = num_columns if query is tree else len(query.selects)
        earlier = query.args["order"].expressions if query.args.get("order") else []
        ordinals = [exp.Ordered(this=exp.Literal.number(i + 1), desc=downwards) for i in range(count)]
        query.set("order", exp.Order(expressions=[*earlier, *ordinals]))
    text: str = tree.sql(dialect="sqlite")
    return text


def _block(select: Any, columns: Mapping[str, set[str]]) -> dict[str, Any] | None:
    """None where the SELECT has no filter on plain tables."""
    from sqlglot import exp

    source, joins = select.find(exp.From), select.args.get("joins") or []
    if source is None or source.parent is not select:
        return None
    named = [source.this, *(join.this for join in joins)]
    tables = {node.alias_or_name: node.name for node in named if isinstance(node, exp.Table)}
    if len(tables) < len(named) or any(name.lower() not in columns for name in tables.values()):
        return None
    frame = exp.Select(joins=[join.copy() for join in joins]).from_(source.this.copy())
    conjuncts = list(select.args["where"].this.flatten()) if _is_and(select.args.get("where")) else _alone(select)
    probes: list[dict[str, Any]] = []
    for place, conjunct in enumerate(conjuncts):
        others = [other for i, other in enumerate(conjuncts) if i != place]
        for found in _comparisons(conjunct, tables, columns):
            alias = found.pop("alias")
            chosen = frame.copy().select(f'"{alias}"._rowid_', dialect="sqlite")
            text = (chosen.where(*others) if others else chosen).sql(dialect="sqlite")
            probes.append({**found, "slot": list(tables).index(alias), "others": text})
    if not probes:
        return None
    joined = frame.select(*(f'"{alias}"._rowid_' for alias in tables), dialect="sqlite").sql(dialect="sqlite")
    return {"joined": joined, "probes": probes[:_MAX_PROBES]}


def _is_and(where: Any) -> bool:
    from sqlglot import exp

    return where is not None and isinstance(where.this, exp.And)


def _alone(select: Any) -> list[Any]:
    where = select.args.get("where")
    return [where.this] if where is not None else []


def _comparisons(conjunct: Any, tables: Mapping[str, str], columns: Mapping[str, set[str]]) -> list[dict[str, Any]]:
    """Each comparison of one column of these tables with constants."""
    from sqlglot import exp

    if conjunct.find(exp.Query):
        return []
    operators = {
        exp.EQ: "eq",
        exp.NEQ: "neq",
        exp.GT: "gt",
        exp.GTE: "gte",
        exp.LT: "lt",
        exp.LTE: "lte",
        exp.Like: "like",
        exp.ILike: "like",
        exp.Glob: "like",
        exp.In: "eq",
        exp.Between: "gte",
        exp.Is: "null",
    }
    found = []
    for node in conjunct.find_all(*operators):
        named = list(node.find_all(exp.Column))
        if len({column.sql() for column in named}) != 1:
            continue
        owners = [
            alias
            for alias, table in tables.items()
            if (not named[0].table or named[0].table.lower() == alias.lower())
            and named[0].name.lower() in columns[table.lower()]
        ]
        constants = [side.sql(dialect="sqlite") for side in _sides(node) if not side.find(exp.Column)]
        if owners and constants:
            column = {"alias": owners[0], "table": tables[owners[0]], "column": named[0].name}
            found.append(column | {"constants": constants[:10], "operator": _seen_from(node, operators[type(node)])})
    return found[:_MAX_PROBES]


def _sides(node: Any) -> list[Any]:
    """What a comparison compares; of IN and BETWEEN each value."""
    sides = [node.args.get(name) for name in ("this", "expression", "low", "high")]
    return [side for side in [*sides, *(node.args.get("expressions") or [])] if side is not None]


def _seen_from(node: Any, operator: str) -> str:
    """The operator with the column on its left: 5 < x is x > 5."""
    from sqlglot import exp

    turned = {"gt": "lt", "lt": "gt", "gte": "lte", "lte": "gte"}
    on_left = node.this is not None and node.this.find(exp.Column)
    return operator if on_left else turned.get(operator, operator)
