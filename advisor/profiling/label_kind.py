"""What the right answers look like, finer than `answer_kind`: SQL, code and LaTeX are kinds of their own here. Pure."""

import ast
import re
import textwrap
from collections.abc import Callable, Sequence

from pipelines.data.answer_kind import AnswerKind, final_answer, own_answer, spread
from pipelines.data.rows import Row

_LOOKED_AT = 500
_HOLDS = 0.9
_SQL = re.compile(r"\s*(?:with\b[\s\S]+?\bas\s*\(|select\b[\s\S]+|insert\s+into\b|update\b[\s\S]+?\bset\b|delete\s+from\b"
                  r"|create\s+(?:table|view|index)\b)", re.IGNORECASE)  # fmt: skip
_FENCE = re.compile(r"```[\w+-]*\n([\s\S]*?)```")
_LATEX = re.compile(
    r"\\(?:[dt]?frac|sqrt|pi|cdot|times|left|right|text|begin|infty|sum|int|le|ge|pm|circ|boxed)\b|\^\{"
)
_OTHER_CODE = re.compile(
    r"^\s*(?:#include\b|import [\w.{]+|package \w+|(?:public|private|static|func|fn|function|class|const|let|var) .*[{;=]"
    r"|using \w+|\w[\w<>\[\]*& ]* \w+\([^)]*\)\s*\{)",
    re.MULTILINE,
)


def label_kind(rows: Sequence[Row], answers: AnswerKind) -> str:
    """A kind of `answer_kind`, or sql, code, latex where text is one of these in 90 % of the rows."""
    if answers.kind not in ("short_text", "long_text", "number"):
        return answers.kind
    own = [text for row in spread(rows, _LOOKED_AT) if (text := own_answer(row)) and row.desirable is None]
    tries: dict[str, Callable[[str], bool]] = {"sql": _is_sql, "code": _is_code}
    if answers.kind == "number":
        tries = {}
    for kind, looks in tries.items():
        if own and sum(map(looks, own)) >= _HOLDS * len(own):
            return kind
    finals = [final_answer(text) for text in own]
    if finals and answers.kind != "long_text" and sum(map(_is_latex, finals)) >= 0.3 * len(finals):
        return "latex"
    marked = [final for final in finals if len(final) <= 200]
    if answers.kind == "long_text" and len(marked) >= _HOLDS * len(finals) and finals:
        return "latex" if sum(map(_is_latex, marked)) >= 0.3 * len(marked) else "long_text"
    return answers.kind


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
