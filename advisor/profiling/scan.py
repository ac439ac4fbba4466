"""One pass over all rows → a table of facts: a few numbers a row, in the file's order, on disk.

Texts are kept as 64-bit hashes, so that counting equal ones takes 8 bytes a row; that any two of 10,000,000 texts share
a hash by chance has a probability of 3e-6. Only short answers, which may be labels, stay as text.
"""

from dataclasses import dataclass

from advisor.profiling.database import Database
from advisor.profiling.source import Source, relation, text
from advisor.profiling.texts import Texts
from pipelines.data.checks.texts import LONG_ROW

LABEL_CHARS = 60
MOST_COLUMNS = 60
"""Columns whose empty values are counted: as many as a 64-bit number has places for."""
_BLANK_CHARS = 64
"""A longer text is not looked at for being nothing but spaces: trimming a text of Unicode is slow."""
_SPACES = 16
_BLANKS = "' ' || chr(9) || chr(10) || chr(13)"
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_MOJIBAKE = r"Ã[\x{80}-\x{BF}]|â€|Â[\x{A0}-\x{BF}]"

_SAME_ANSWER = (
    f"CASE WHEN strlen(a) <= {LABEL_CHARS} THEN coalesce(TRY_CAST(a AS DOUBLE)::VARCHAR, lower(a)) ELSE a END"
)
"""Short answers are the same where they are the same number (65 and 65.0) or differ in case alone."""

FLAGS = ("replacement", "mojibake", "control", "begins", "ends", "unreadable", "no_prompt", "no_answer", "long")
"""What may hold of a row, one bit each."""


@dataclass(frozen=True, slots=True)
class Sameness:
    """How the answers of the sample mostly begin and end; "" where they do not. Counted over all rows."""

    beginning: str = ""
    ending: str = ""


def flag(name: str) -> int:
    """The bit of a flag."""
    return 1 << FLAGS.index(name)


def scan(source: Source, texts: Texts, same: Sameness, prefix: str, database: Database, table: str) -> None:
    """Writes `table`: row, prompt, answer (hashes; the latter two NULL where there is no text), prompt_chars,
    answer_chars, short (the answer, if it is short), flags, empty (bit k: column k is null, empty or blank)."""
    cells = relation(source, texts.columns, prefix)
    asked, answer = texts.asked or "NULL::VARCHAR", texts.answer or "NULL::VARCHAR"
    turned = f"SELECT *, {texts.turns} AS turns FROM ({cells})"
    named = f"SELECT *, {asked} AS q, {answer} AS a, {texts.shown or answer} AS shown FROM ({turned})"
    blank = f"SELECT *, {_blank('q')} AS q_blank, {_blank('a')} AS a_blank FROM ({named})"
    places = range(min(len(texts.columns), MOST_COLUMNS))
    empty = " | ".join(f"({_blank(f'c{place}')}::BIGINT << {place})" for place in places)
    database.connection.execute(
        f"CREATE TABLE {table} AS SELECT row_hash AS row, CASE WHEN NOT q_blank THEN hash(q) END AS prompt, "
        f"CASE WHEN NOT a_blank THEN hash({_SAME_ANSWER}) END AS answer, length(q)::UINTEGER AS prompt_chars, "
        f"length(a)::UINTEGER AS answer_chars, "
        f"CASE WHEN NOT a_blank AND strlen(a) <= {4 * LABEL_CHARS} AND length(a) <= {LABEL_CHARS} THEN a END AS short, "
        f"{_flags(same)} AS flags, CASE WHEN unreadable THEN 0 ELSE {empty or '0'} END AS empty FROM ({blank})"
    )


def _blank(column: str) -> str:
    looked = f"CASE WHEN strlen({column}) < {_BLANK_CHARS} THEN trim({column}, {_BLANKS}) = '' ELSE false END"
    return f"({column} IS NULL OR {looked})"


def _flags(same: Sameness) -> str:
    control = _either(f"regexp_matches({{side}}, {text(_CONTROL)})")
    told = {
        "replacement": _either("contains({side}, chr(65533))", wide=True),
        "mojibake": _either(f"regexp_matches({{side}}, {text(_MOJIBAKE)})", wide=True),
        "control": f"CASE WHEN escaped THEN {control} ELSE false END",
        "begins": _begins(same.beginning),
        "ends": _ends(same.ending),
        "unreadable": "unreadable",
        "no_prompt": "q_blank AND NOT unreadable",
        "no_answer": "a_blank AND NOT unreadable",
        "long": f"coalesce(length(q), 0) + coalesce(length(a), 0) > {LONG_ROW}",
    }
    return " | ".join(f"(({told[name]})::USMALLINT << {place})::USMALLINT" for place, name in enumerate(FLAGS))


def _either(condition: str, wide: bool = False) -> str:
    """Whether it holds of the prompt or of the answer. wide: texts of ASCII alone are passed over."""
    each = [condition.replace("{side}", side) for side in ("q", "a")]
    if wide:
        each = [
            f"CASE WHEN strlen({side}) > length({side}) THEN {one} END" for side, one in zip("qa", each, strict=True)
        ]
    return "(" + " OR ".join(f"coalesce({one}, false)" for one in each) + ")"


def _begins(beginning: str) -> str:
    head = f"ltrim(left(shown, {len(beginning) + _SPACES}), {_BLANKS})"
    return f"coalesce(starts_with({head}, {text(beginning)}), false)" if beginning else "false"


def _ends(ending: str) -> str:
    tail = f"right(shown, {len(ending) + _SPACES})"
    found = f"contains({tail}, {text(ending)}) AND ends_with(rtrim({tail}, {_BLANKS}), {text(ending)})"
    return f"coalesce({found}, false)" if ending else "false"
