"""sql: the completion's query gives the rows of the reference's, on the database and on changed copies of it.

In: a completion that holds one SELECT; a reference that is an accepted query or several (a list, or between
semicolons); a sqlite database. Out: 1 when the rows agree with those of one accepted query, whatever the structure;
else credit for each rung of the ladder parse → runs → columns → filters → joins, always below 1 (`weights`).
Rows are compared as bags, or in order where the reference ends in ORDER BY (graders/sql_rows.py). So that rows which
agree by chance, or were written into the query, do not pass, they must agree on two changed copies of the database
too (graders/sql_copies.py, sql_literals.py). Where the reference's LIMIT cuts through a tie there, the rows before it.
Queries run read-only in a process of their own, with limits (graders/sql_worker.py); 'now' is the newest date in the
data. SQL is sqlite's; other dialects are not translated. Unscored: no database, or no accepted query that runs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from graders.base import Grade, Grader, Sample, unscored
from graders.sql_client import Answer, Database, run_query
from graders.sql_reference import Expected, Schema, Unusable, expected_answer, schema_of
from graders.sql_rows import same_rows
from graders.sql_structure import Likeness, likeness
from graders.sql_text import NoQuery, queries_of, query_of
from graders.template import MissingVariable, fill, variables
from graders.texts import accepted_references, short

_COPIES = range(1, 7)  # tried, until two could be asked and the reference's rows were others on one of them
_ASKED = 2


class Weights(BaseModel):
    """What each rung is worth; only their proportions count."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parse: float = Field(0.05, ge=0, allow_inf_nan=False, description="The completion holds one SELECT that is SQL.")
    runs: float = Field(0.05, ge=0, allow_inf_nan=False, description="It runs, within the limits.")
    columns: float = Field(0.1, ge=0, allow_inf_nan=False, description="Share of the reference's columns.")
    filters: float = Field(0.15, ge=0, allow_inf_nan=False, description="Share of its WHERE and HAVING conditions.")
    joins: float = Field(0.15, ge=0, allow_inf_nan=False, description="Share of its tables and join conditions.")
    rows: float = Field(0.5, gt=0, allow_inf_nan=False, description="The same rows; this rung brings all others.")


class Sql(Grader):
    """Right when the query's rows are those of an accepted query."""

    type: Literal["sql"] = "sql"
    database: str = Field(
        description="A sqlite file, or CREATE and INSERT statements; may name a column, as in {{item.schema}}."
    )
    database_folder: str | None = Field(
        None, description="Where the files are that a column names; no file outside of it is read."
    )
    weights: Weights = Weights()
    changed_copies: bool = Field(True, description="The rows must agree on two changed copies of the database too.")
    timeout_seconds: float = Field(
        1.0, gt=0, le=60, description="Processor time for one query, or 20 million steps of sqlite for each second."
    )

    _base: Path = PrivateAttr(Path())

    @model_validator(mode="after")
    def _relative_to(self, info: ValidationInfo) -> Self:
        """Files are looked for from the folder that the context names, such as the plan's; else the current one."""
        self._base = Path((info.context or {}).get("folder", "."))
        return self

    def files(self) -> tuple[str, ...]:
        if self.database_folder is not None:
            return (self.database_folder,)
        return () if variables(self.database) or _is_script(self.database) else (self.database,)

    def grade(self, sample: Sample) -> Grade:
        accepted = [query for text in accepted_references(sample.reference) for query in queries_of(text)]
        if not accepted:
            return unscored(f"the reference {short(sample.reference)} holds no query")
        try:
            return self._judged(sample.completion, accepted, self._database(sample))
        except MissingVariable as error:
            return unscored(str(error), error.error)
        except Unusable as error:
            return unscored(str(error))

    def _judged(self, completion: str, accepted: list[str], database: Database) -> Grade:
        expected = [expected_answer(database, query, 0, self.timeout_seconds) for query in accepted]
        usable = [one for one in expected if not one.answer.error]
        if not usable:
            return unscored(f"the reference {short(accepted[0])} does not run: {expected[0].answer.message}")
        try:
            query = query_of(completion)
        except NoQuery as error:
            return Grade(0.0, str(error), parts=_parts())
        answer = run_query(database, 0, "[]", query, self.timeout_seconds)
        if answer.error == "syntax":
            return Grade(0.0, f"not SQL: {answer.message}", extracted=query, parts=_parts())
        if answer.error:
            parts = _parts(parse=1.0)
            return Grade(self._weighted(parts), f"does not run: {answer.message}", extracted=query, parts=parts)
        verdicts = []
        for one in usable:
            verdicts.append(self._verdict(query, answer, one, database))
            if verdicts[-1].proven:
                return Grade(1.0, verdicts[-1].why, extracted=query, parts=_parts(1.0, 1.0, 1.0, 1.0, 1.0, 1.0))
        return self._partly(query, verdicts, usable, schema_of(database))

    def _partly(self, query: str, verdicts: "list[_Verdict]", accepted: list[Expected], schema: Schema) -> Grade:
        """Credit for structure, that of the accepted query which gives most."""
        ladders = []
        for verdict, expected in zip(verdicts, accepted, strict=True):
            like = likeness(query, expected.query, schema) or Likeness(0, 0, 0)
            # Where no copy has a row to compare, the same rows prove nothing, and only the same structure is right.
            rows = float(verdict.same and like == Likeness(1, 1, 1))
            ladders.append(_parts(1.0, 1.0, like.columns, like.filters, like.joins, rows))
        place = max(range(len(ladders)), key=lambda place: self._weighted(ladders[place]))
        shares = ", ".join(f"{rung} {ladders[place][rung]:.2f}" for rung in ("columns", "filters", "joins"))
        why = f"{verdicts[place].why}; {shares}"
        return Grade(self._weighted(ladders[place]), why, extracted=query, parts=ladders[place])

    def _weighted(self, parts: dict[str, float | None]) -> float:
        weights: dict[str, float] = self.weights.model_dump()
        return sum(weight * (parts[rung] or 0.0) for rung, weight in weights.items()) / sum(weights.values())

    def _verdict(self, query: str, answer: Answer, expected: Expected, database: Database) -> "_Verdict":
        if not expected.agrees(answer):
            written = "; no table is read" if answer.reads < expected.answer.reads else ""
            return _Verdict(False, f"other rows: {_counted(answer)}, wanted {_counted(expected.answer)}{written}")
        empty, asked, moved = not answer.rows, 0, False
        for number in _COPIES if self.changed_copies else ():
            if asked >= _ASKED and moved:
                break
            changed = expected_answer(database, expected.query, number, self.timeout_seconds)
            if changed.answer.error or (changed.torn and not changed.firm):
                continue
            other = run_query(database, number, changed.literals, query, self.timeout_seconds)
            if not changed.may_agree(other):
                return _Verdict(False, "the same rows by chance: others on a changed copy of the database")
            empty, asked = empty and not other.rows, asked + 1
            moved = moved or not same_rows(changed.answer.rows, expected.answer.rows)
        if empty:
            return _Verdict(True, f"no row here nor on {asked} changed copies, which proves nothing")
        return _Verdict(True, f"the same rows ({_counted(answer)}, and on {asked} changed copies)", proven=True)

    def _database(self, sample: Sample) -> Database:
        """Raises MissingVariable, or Unusable where the file is not there or lies elsewhere."""
        named = fill(self.database, sample)
        if _is_script(named):
            return Database(script=named)
        if variables(self.database) and self.database_folder is None:
            raise Unusable(f"{short(named)} is no CREATE statement; for files, set database_folder")
        folder = (self._base / (self.database_folder or "")).resolve()
        path = (folder / named).resolve() if "\0" not in named and len(named) < 1000 else folder
        if self.database_folder is not None and not path.is_relative_to(folder):
            raise Unusable(f"the database {short(named)} lies outside of {self.database_folder}")
        if not path.is_file():
            raise Unusable(f"there is no database file {short(named)} in {short(str(folder))}")
        status = path.stat()
        return Database(path=str(path), stamp=f"{status.st_size} {status.st_mtime_ns}")


@dataclass(frozen=True, slots=True)
class _Verdict:
    """same: the rows agree wherever they were compared. proven: and there were rows."""

    same: bool
    why: str
    proven: bool = False


def _parts(
    parse: float = 0.0,
    runs: float = 0.0,
    columns: float = 0.0,
    filters: float = 0.0,
    joins: float = 0.0,
    rows: float = 0.0,
) -> dict[str, float | None]:
    return {"parse": parse, "runs": runs, "columns": columns, "filters": filters, "joins": joins, "rows": rows}


def _is_script(text: str) -> bool:
    return "create table" in " ".join(text[:100_000].lower().split())


def _counted(answer: Answer) -> str:
    return f"{len(answer.rows)} {'row' if len(answer.rows) == 1 else 'rows'} of {answer.columns}"
