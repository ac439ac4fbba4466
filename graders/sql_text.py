"""The one SELECT of a completion: from its last ``` block, or from the text around which no block stands.

In: a completion of any length. Out: the statement, or why there is none. Trailing prose is cut. Time is linear.
"""

import re
from collections.abc import Iterator

MAX_SQL_CHARS = 20_000

_FENCE = re.compile(r"^[ \t]*```([^\n`]*)$", re.MULTILINE)
_WITH = r"WITH\s{1,50}(?:RECURSIVE\s{1,50})?[\w\"`\[\]]{1,100}\s{0,50}(?:\([^()]{0,500}\)\s{0,50})?AS\s{0,50}\("
_START = re.compile(rf"^[ \t]*(?:SELECT\b|{_WITH})", re.IGNORECASE | re.MULTILINE)
_INLINE = re.compile(rf"\b(?:SELECT\b|{_WITH})", re.IGNORECASE)
_TOKEN = re.compile(
    r"'(?:[^']|'')*(?:'|\Z)|\"[^\"]*(?:\"|\Z)|`[^`]*(?:`|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)|;|\n[ \t\r]*\n|[()]", re.DOTALL
)
_IGNORED = re.compile(r"(?:\s+|--[^\n]*|/\*.*?(?:\*/|\Z))+", re.DOTALL)
_GOES_ON = re.compile(
    r"(?:SELECT|FROM|WHERE|GROUP|ORDER|HAVING|LIMIT|OFFSET|UNION|EXCEPT|INTERSECT|WINDOW|JOIN|LEFT|RIGHT|FULL|INNER"
    r"|CROSS|NATURAL|ON|USING|AND|OR|AS|CASE|WHEN|THEN|ELSE|END|--|/\*|[(),])(?:\b|(?<=\W))",
    re.IGNORECASE,
)
_STATEMENT = re.compile(
    r"(?:SELECT|WITH|VALUES|INSERT|UPDATE|DELETE|REPLACE|CREATE|DROP|ALTER|PRAGMA|ATTACH|DETACH|EXPLAIN|BEGIN|COMMIT"
    r"|VACUUM|REINDEX|ANALYZE|SAVEPOINT)\b",
    re.IGNORECASE,
)
_SELECT = re.compile(r"(?:SELECT|WITH)\b", re.IGNORECASE)


class NoQuery(Exception):
    """The completion holds no single SELECT; the message says why."""


def query_of(completion: str) -> str:
    """The completion's SELECT, without its semicolon. Raises NoQuery."""
    fenced = _last_fenced(completion)
    text = fenced if fenced is not None else _from_select(completion)
    if len(text) > MAX_SQL_CHARS and fenced is not None:
        raise NoQuery(f"the query has over {MAX_SQL_CHARS:,} characters")
    query, rest = _first_statement(text[: MAX_SQL_CHARS + 1], prose_may_follow=fenced is None)
    if not _SELECT.match(query):
        raise NoQuery("no SELECT in the completion" if not query else "the statement is not a SELECT")
    if rest and (fenced is not None or _STATEMENT.match(rest)):
        raise NoQuery("several statements, where one SELECT is expected")
    if len(query) > MAX_SQL_CHARS:
        raise NoQuery(f"the query has over {MAX_SQL_CHARS:,} characters")
    return query


def queries_of(reference: str) -> list[str]:
    """The accepted queries of a reference, which semicolons may separate; without the semicolons."""
    found, rest = [], reference[: 20 * MAX_SQL_CHARS]
    while rest:
        query, rest = _first_statement(rest, prose_may_follow=False)
        found.append(query)
    return [query for query in found if query]


def _last_fenced(text: str) -> str | None:
    """The last block marked `sql`, else the last block; None when there is none. An unclosed one goes to the end."""
    marks = list(_FENCE.finditer(text))
    opening = marks[::2]
    if not opening:
        return None
    named = [place for place, mark in enumerate(opening) if mark[1].strip().lower().startswith("sql")]
    place = named[-1] if named else len(opening) - 1
    closing = marks[2 * place + 1].start() if 2 * place + 1 < len(marks) else len(text)
    return text[opening[place].end() : closing]


def _from_select(text: str) -> str:
    start = _START.search(text) or _INLINE.search(text)
    return text[start.start() :] if start else ""


def _first_statement(text: str, prose_may_follow: bool) -> tuple[str, str]:
    """The first statement and what follows its semicolon, both without outer spaces and comments."""
    text = text[_end_of_ignored(text) :]
    for kind, start, end in _breaks(text):
        rest = text[end:]
        rest = rest[_end_of_ignored(rest) :]
        if kind == ";" or (prose_may_follow and rest and not _GOES_ON.match(rest)):
            return text[:start].strip(), rest.strip()
    return text.strip(), ""


def _breaks(text: str) -> Iterator[tuple[str, int, int]]:
    """Semicolons, and blank lines outside of brackets; neither inside quotes or comments."""
    depth = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in "()":
            depth += 1 if token == "(" else -1
        elif token == ";" or (token[0] == "\n" and depth <= 0):
            yield token[0], match.start(), match.end()


def _end_of_ignored(text: str) -> int:
    match = _IGNORED.match(text)
    return match.end() if match else 0
