"""Which column plays which role. What the user named is taken; the rest is found by name and by the look of the values.

In: a Table and the `columns`, `prompt` and `system` of the DataSpec. Out: a Reading, from which rows are built.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from graders.errors import UserError
from pipelines.data import names
from pipelines.data.rows import Role
from pipelines.data.spec import DataSpec
from pipelines.data.table import Table, did_you_mean, listed
from pipelines.data.turns import Turns, read_turns, split_answer
from pipelines.data.verdicts import Comparison, find_comparison

TEMPLATE = "template"
_LOOKED_AT = 50
_YES_NO = {"true", "false", "0", "1", "yes", "no", "0.0", "1.0"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are read. columns: role → column. fields: the columns that together are the reference (RFT rows)."""

    layout: str
    columns: Mapping[Role, str]
    fields: tuple[str, ...] = ()
    comparison: Comparison | None = None
    tools: str | None = None

    @property
    def roles(self) -> dict[str, str]:
        """As Rows.roles shows them."""
        shown: dict[str, str] = {str(role): column for role, column in self.columns.items()}
        if self.fields:
            shown["reference"] = ", ".join(self.fields)
        if self.comparison:
            votes = listed(self.comparison.verdicts)
            pair = f"{self.comparison.first} or {self.comparison.second}, by {votes}"
            shown |= {"chosen": pair, "rejected": pair}
        return shown


def find_roles(table: Table, spec: DataSpec, need_prompt: bool = True) -> Reading:
    """Raises UserError when a named column does not exist, or when no prompt can be found and one is needed."""
    _check_named(table, spec)
    search = _Search(table, dict(spec.columns))
    if spec.system:
        search.found["system"] = TEMPLATE
    if spec.prompt:
        search.found["prompt"] = TEMPLATE
    search.find_conversation()
    search.find_pair()
    search.find_prompt()
    search.find_answer()
    search.find_reference_fields()
    if need_prompt and not {"prompt", "messages"} & search.found.keys() and not search.pair_has_prompt():
        raise _no_prompt(table)
    return Reading(
        search.layout(), search.found, search.fields, search.comparison, names.find(names.TOOLS, search.free())
    )


def _check_named(table: Table, spec: DataSpec) -> None:
    for role, column in spec.columns.items():
        if column not in table.columns:
            raise UserError(
                f'no column "{column}" (named for {role})',
                f"one of: {listed(table.columns)}",
                did_you_mean(column, table.columns) or f"--column {role}=NAME",
                table.source,
            )
    if ("chosen" in spec.columns) != ("rejected" in spec.columns):
        raise UserError(
            "only one side of the preference pair is named",
            "a column for chosen and one for rejected",
            "--column chosen=NAME --column rejected=NAME",
            table.source,
        )


def _no_prompt(table: Table) -> UserError:
    if column := names.find(names.MESSAGES, table.columns):
        return UserError(
            f'no row of column "{column}" holds a conversation',
            'a list of turns, each {"role": "user", "content": "..."} or {"from": "human", "value": "..."}',
            "mend the rows, or name another column: --column prompt=NAME",
            table.source,
        )
    telling = (name for name in table.columns if not names.METADATA.fullmatch(names.normalised(name)))
    example = next(telling, table.columns[0])
    return UserError(
        f"no column is recognised as the prompt; the columns are: {listed(table.columns)}",
        "a column that holds what the model is asked",
        f"--column prompt=NAME, or a template: --prompt 'Text with {{{{{example}}}}}' (in a plan: columns, prompt)",
        table.source,
    )


def _peek(value: object) -> Turns | None:
    """The turns, or none of them where they cannot be read; the row that holds them is named when it is built."""
    try:
        return read_turns(value)
    except UserError:
        return ()


@dataclass(slots=True)
class _Search:
    """Roles found so far; each `find_` method adds to them and never changes what is there."""

    table: Table
    found: dict[Role, str]
    fields: tuple[str, ...] = ()
    comparison: Comparison | None = None
    answered: bool = field(default=False)
    """Whether some conversation ends with the assistant's turn."""

    def free(self) -> list[str]:
        return [column for column in self.table.columns if column not in self.found.values()]

    def find_conversation(self) -> None:
        if "messages" not in self.found and self.found.get("prompt", TEMPLATE) == TEMPLATE:
            column = names.find(names.MESSAGES, self.free())
            if column and self._conversations(column):
                self.found["messages"] = column
        if "messages" in self.found and "completion" not in self.found:
            turns = (_peek(value) for value in self.table.values(self.found["messages"]))
            self.answered = any(split_answer(each)[1] is not None for each in turns if each)
            if self.answered:
                self.found["completion"] = self.found["messages"]

    def find_pair(self) -> None:
        if "chosen" in self.found or "rejected" in self.found:
            return
        if pair := names.find_pair(names.PAIRS, self.free()):
            self.found["chosen"], self.found["rejected"] = pair
        else:
            self.comparison = find_comparison(self.table, self.free())

    def pair_has_prompt(self) -> bool:
        """Whether chosen and rejected are whole conversations, so that no column need hold the prompt."""
        values = self.table.values(self.found.get("chosen", ""))[:_LOOKED_AT]
        turns = [_peek(value) for value in values]
        return bool(turns) and all(each is not None and len(each) > 1 for each in turns)

    def find_prompt(self) -> None:
        needed = "messages" not in self.found and "prompt" not in self.found and not self.pair_has_prompt()
        if needed and (column := names.find(names.PROMPT, self.free())):
            self.found["prompt"] = column
        prompt = self.found.get("prompt")
        if prompt and prompt != TEMPLATE and "context" not in self.found:
            column = names.find((*names.CONTEXT_BEFORE, *names.CONTEXT_AFTER), self.free())
            if column and not self._contained(column, prompt):
                self.found["context"] = column
        if "system" not in self.found and (column := names.find(names.SYSTEM, self.free())):
            self.found["system"] = column

    def find_answer(self) -> None:
        """Completion and reference. An `answer` is the completion where no other column is, else the reference."""
        if "chosen" in self.found or self.comparison:
            self._find_beside_pair()
            return
        if "completion" not in self.found:
            column = names.find([name for name in names.COMPLETION if name != "answer"], self.free())
            if column is None and "messages" not in self.found:
                column = names.find(["answer"], self.free()) or self._label()
            if column:
                self.found["completion"] = column
        if "reference" not in self.found and (column := names.find(names.REFERENCE, self.free())):
            self.found["reference"] = column
        self._find_desirable()

    def _find_beside_pair(self) -> None:
        """Of rows that are pairs, or some of them: the columns that can mean nothing else."""
        named: tuple[Role, ...] = ("completion", "reference")
        for role in named:
            if role not in self.found and (column := names.find([role], self.free())):
                self.found[role] = column

    def find_reference_fields(self) -> None:
        """RFT rows: messages that end with the user's turn; every other column belongs to the reference."""
        if "messages" not in self.found or self.answered or self.found.keys() & {"reference", "chosen", "completion"}:
            return
        others = [name for name in self.free() if not names.METADATA.fullmatch(names.normalised(name))]
        if len(others) == 1:
            self.found["reference"] = others[0]
        else:
            self.fields = tuple(others)

    def layout(self) -> str:
        """A short name for what was found."""
        found = self.found
        if self.comparison:
            return "two answers+verdict"
        if "chosen" in found:
            return "chosen/rejected" if "prompt" not in found and "messages" not in found else "prompt+chosen/rejected"
        if "desirable" in found:
            return "kto"
        if "messages" in found:
            sharegpt = names.normalised(found["messages"]) == "conversations"
            parts = ["sharegpt" if sharegpt else "messages"]
            if "completion" in found and found["completion"] != found["messages"]:
                parts.append("completion")
        elif names.normalised(found.get("context", "")) == "input":
            parts = ["alpaca"]
        else:
            parts = ["prompt", *(["completion"] if "completion" in found else [])]
        return "+".join([*parts, *(["reference"] if "reference" in found or self.fields else [])])

    def _conversations(self, column: str) -> bool:
        return any(_peek(value) is not None for value in self.table.values(column)[:_LOOKED_AT])

    def _contained(self, column: str, prompt: str) -> bool:
        """Whether the prompt already holds the context, as in sets that keep a question both whole and in parts."""
        cells = [cells for _, cells in self.table.rows[:_LOOKED_AT] if cells.get(column)]
        held = sum(str(row[column]).strip() in str(row.get(prompt)) for row in cells)
        return held >= 0.95 * len(cells)

    def _label(self) -> str | None:
        """A label, where no column is surely the reference."""
        return None if names.find(names.REFERENCE, self.free()) else names.find(names.LABEL, self.free())

    def _find_desirable(self) -> None:
        column = names.find(names.DESIRABLE, self.free())
        if "desirable" in self.found or "completion" not in self.found or not column:
            return
        words = {str(value).strip().casefold() for value in self.table.values(column)}
        if words and words <= _YES_NO:
            self.found["desirable"] = column
