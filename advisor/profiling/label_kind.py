"""What the right answers look like, finer than `answer_kind`: SQL, code and LaTeX are kinds of their own here. Pure."""

import ast
import re
import textwrap
from collections.abc import Sequence

from pipelines.data.answer_kind import AnswerKind, final_answer, own_answer, spread
from pipelines.data.rows import Row

_LOOKED_AT = 500
_HOLDS = 0.9
_SOME_LATEX = 0.3
"""Ours: among LaTeX answers many are plain numbers; where so many need LaTeX, a grader must read it."""
_FINAL_CHARS = 200
_SQL = re.compile(
    r"\s*(?:with\b[\s\S]+?\bas\s*\(|select\b[\s\S]+|insert\s+into\b|update\b[\s\S]+?\bset\b"
    r"|delete\s+from\b|create\s+(?:table|view|index)\b)",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```[\w+-]*\n([\s\S]*?)```")
_LATEX = re.compile(
    r"\\(?:[dt]?frac|sqrt|pi|cdot|times|left|right|text|begin|infty|sum|int|le|ge|pm|circ|boxed)\b|\^\{"
)
_OTHER_CODE = re.compile(
    r"^\s*(?:#include\b|import [\w.{]+|package \w+|using \w+|\w[\w<>\[\]*& ]* \w+\([^)]*\)\s*\{"
    r"|(?:public|private|static|func|fn|function|class|const|let|var) .*[{;=])",
    re.MULTILINE,
)


def label_kind(rows: Sequence[Row], answers: AnswerKind) -> str:
    """A kind of `answer_kind`, or sql, code, latex where its text is one of these in 90 % of the rows looked at."""
    if answers.kind not in ("short_text", "long_text"):
        return answers.kind
    own = [text for row in spread(rows, _LOOKED_AT) if (text := own_answer(row)) and row.desirable is None]
    for kind, looks in (("sql", _is_sql), ("code", _is_code)):
        if sum(map(looks, own)) >= _HOLDS * len(own) > 0:
            return kind
    finals = [final for text in own if len(final := final_answer(text)) <= _FINAL_CHARS]
    short = len(finals) >= _HOLDS * len(own) > 0
    return "latex" if short and sum(map(_is_latex, finals)) >= _SOME_LATEX * len(finals) else answers.kind


def _bare(text: str) -> str:
    fenced = _FENCE.search(text)
    return fenced[1] if fenced else text


def _is_sql(text: str) -> bool:
    return _SQL.match(_bare(text)) is not None


def _is_code(text: str) -> bool:
    """Python that compiles, as a whole or as a function's body; or what other languages' programs begin with."""
    code = _bare(text).replace("\r", "")
    if "\n" not in code and "return" not in code:
        return False
    try:
        ast.parse("def _():\n" + textwrap.indent(textwrap.dedent(code), " "))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _OTHER_CODE.search(code) is not None and code.count("{") == code.count("}") > 0
    return re.search(r"\bdef |\breturn\b|\bimport |\w\s*=\s*\S|\w\(", code) is not None


def _is_latex(text: str) -> bool:
    return _LATEX.search(text) is not None
