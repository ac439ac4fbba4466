"""How alike two queries are in structure: their columns, their filters, their tables and joins, each in [0, 1].

Used for partial credit only, where the rows already differ. Columns are the outermost SELECT's expressions; filters are
the conditions of every WHERE, HAVING and ON but column = column, which is a join. Each share is 2·common / (all of
both). A filter on the right columns with another operator or constant counts half. Aliases, letter case and the names
of tables before columns are left out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graders.sql_filters import parsed

_MAX_PARTS = 500  # of a query; more is no answer to a question


@dataclass(frozen=True, slots=True)
class Likeness:
    columns: float
    filters: float
    joins: float


@dataclass(frozen=True, slots=True)
class _Parts:
    """filters: the condition, and the columns that it reads."""

    columns: tuple[str, ...]
    filters: tuple[tuple[str, str], ...]
    joins: tuple[str, ...]


def likeness(query: str, reference: str, schema: Mapping[str, Sequence[str]]) -> Likeness | None:
    """None when either query cannot be read by sqlglot."""
    names = tuple((table.lower(), tuple(name.lower() for name in columns)) for table, columns in schema.items())
    one, other = _parts(query, names), _parts(reference, names)
    if one is None or other is None:
        return None
    tables = _share(one.joins, other.joins)
    # Constants need no table: a query that reads none of the right ones earns nothing for filters it does not have.
    filters = _filter_share(one.filters, other.filters) if one.filters or other.filters else float(tables > 0)
    return Likeness(_share(one.columns, other.columns), filters, tables)


@lru_cache(maxsize=512)
def _parts(sql: str, schema: tuple[tuple[str, tuple[str, ...]], ...]) -> _Parts | None:
    from sqlglot import exp

    tree = parsed(sql)
    if tree is None:
        return None
    made = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    tables = [table.name.lower() for table in tree.find_all(exp.Table) if table.name.lower() not in made]
    filters, joins = [], [f"table {name}" for name in tables]
    for condition in _conditions(tree):
        if _is_join(condition):
            joins.append(" = ".join(sorted(side.name.lower() for side in (condition.this, condition.expression))))
        else:
            filters.append(
                (_written(condition), " ".join(sorted({c.name.lower() for c in condition.find_all(exp.Column)})))
            )
    for join in tree.find_all(exp.Join):
        joins += [f"{name.name.lower()} = {name.name.lower()}" for name in join.args.get("using") or []]
    columns = _columns(tree, dict(schema), tables)
    return _Parts(tuple(columns[:_MAX_PARTS]), tuple(filters[:_MAX_PARTS]), tuple(joins[:_MAX_PARTS]))


def _columns(tree: Any, schema: Mapping[str, Sequence[str]], tables: Iterable[str]) -> list[str]:
    found: list[str] = []
    for column in tree.selects:
        if column.is_star:
            found += [name for table in dict.fromkeys(tables) for name in schema.get(table, ())]
        else:
            found.append(_written(column.unalias()))
    return found


def _conditions(tree: Any) -> list[Any]:
    from sqlglot import exp

    clauses = [node.this for node in tree.find_all(exp.Where, exp.Having)]
    clauses += [join.args["on"] for join in tree.find_all(exp.Join) if join.args.get("on")]
    flat = [part for clause in clauses for part in (clause.flatten() if isinstance(clause, exp.And) else [clause])]
    return [part.unnest() for part in flat]


def _is_join(condition: Any) -> bool:
    from sqlglot import exp

    if not isinstance(condition, exp.EQ):
        return False
    return isinstance(condition.this, exp.Column) and isinstance(condition.expression, exp.Column)


_TURNED = {"GT": "LT", "LT": "GT", "GTE": "LTE", "LTE": "GTE", "EQ": "EQ", "NEQ": "NEQ"}


def _written(node: Any) -> str:
    """A condition or expression as text, without what does not matter to its meaning."""
    from sqlglot import exp

    node = node.copy()
    for column in [*node.find_all(exp.Column)]:
        column.set("table", None)
        column.this.set("quoted", False)
        column.this.set("this", column.name.lower())
    if type(node).__name__.upper() in _TURNED and not node.this.find(exp.Column) and node.expression.find(exp.Column):
        turned = getattr(exp, _TURNED[type(node).__name__.upper()])
        node = turned(this=node.expression, expression=node.this)
    text: str = node.sql(dialect="sqlite", normalize_functions="upper")
    return text


def _share(given: Sequence[str], wanted: Sequence[str]) -> float:
    total = len(given) + len(wanted)
    return 2 * sum((Counter(given) & Counter(wanted)).values()) / total if total else 1.0


def _filter_share(given: Sequence[tuple[str, str]], wanted: Sequence[tuple[str, str]]) -> float:
    exact = Counter(given) & Counter(wanted)
    near = Counter(columns for _, columns in (Counter(given) - exact).elements()) & Counter(
        columns for _, columns in (Counter(wanted) - exact).elements()
    )
    return (2 * sum(exact.values()) + sum(near.values())) / (len(given) + len(wanted))
