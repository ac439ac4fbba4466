"""One row of a table → one Row, by the Reading that says which column plays which role."""

from collections.abc import Mapping
from typing import Any

from graders.errors import UserError
from pipelines.data import names
from pipelines.data.pairs import Pair, read_pair
from pipelines.data.roles import Reading
from pipelines.data.rows import Message, Row
from pipelines.data.spec import DataSpec
from pipelines.data.table import Cells, Table
from pipelines.data.template import as_text, fill_template
from pipelines.data.text import parse_json
from pipelines.data.turns import Turns, read_turns, split_answer


def build_rows(table: Table, reading: Reading, spec: DataSpec) -> tuple[Row, ...]:
    """Raises UserError, with the row, for a cell that cannot be what its role says."""
    builder = _Builder(table, reading, spec)
    rows = []
    for number, cells in table.rows:
        try:
            rows.append(builder.row(number, cells))
        except UserError as error:
            where = f"{table.source}:{number}"
            raise UserError(error.happened, error.expected, error.fix, where) from None
    return tuple(rows)


class _Builder:
    def __init__(self, table: Table, reading: Reading, spec: DataSpec) -> None:
        self.table, self.reading, self.spec = table, reading, spec
        self.columns = reading.columns
        context = names.normalised(self.columns.get("context", ""))
        self.context_first = context in names.CONTEXT_BEFORE

    def row(self, number: int, cells: Cells) -> Row:
        turns, answer = self._conversation(cells)
        pair = self._pair(cells)
        turns = pair.messages if pair and pair.messages and not self.spec.prompt else turns
        return Row(
            number=number,
            messages=self._with_system(turns, cells),
            completion=self._completion(cells, answer),
            reference=self._reference(cells),
            chosen=pair.chosen if pair else None,
            rejected=pair.rejected if pair else None,
            desirable=_yes_no(self._cell(cells, "desirable")),
            tools=_objects(cells.get(self.reading.tools) if self.reading.tools else None),
            tool_calls=_objects(answer.get("tool_calls") if answer else None),
            columns=cells,
        )

    def _cell(self, cells: Cells, role: Any) -> Any:
        return cells.get(self.columns[role]) if role in self.columns else None

    def _conversation(self, cells: Cells) -> tuple[Turns, Message | None]:
        turns, answer = split_answer(self._turns(cells))
        if self.spec.prompt:
            turns = _user(fill_template(self.spec.prompt, cells, self.table.columns))
        return turns, answer

    def _turns(self, cells: Cells) -> Turns:
        if "messages" in self.columns:
            return _conversation(self._cell(cells, "messages"), self.columns["messages"])
        if self.spec.prompt:
            return ()
        if "prompt" not in self.columns:
            return _pair_prompt(self._cell(cells, "chosen"))
        prompt = self._cell(cells, "prompt")
        turns = read_turns(prompt)
        return turns if turns is not None else _user(self._with_context(as_text(prompt) or "", cells))

    def _with_context(self, prompt: str, cells: Cells) -> str:
        context = _context(self._cell(cells, "context"))
        if not context or not prompt:
            return prompt or context
        return f"{context}\n\n{prompt}" if self.context_first else f"{prompt}\n\n{context}"

    def _with_system(self, turns: Turns, cells: Cells) -> Turns:
        if self.spec.system:
            text: str | None = fill_template(self.spec.system, cells, self.table.columns)
        else:
            text = as_text(self._cell(cells, "system"))
        if not text:
            return turns
        return ({"role": "system", "content": text}, *(turn for turn in turns if turn["role"] != "system"))

    def _completion(self, cells: Cells, answer: Message | None) -> str | None:
        column = self.columns.get("completion")
        if column is not None and column != self.columns.get("messages"):
            value = cells.get(column)
            turns = read_turns(value) if isinstance(value, list) else None
            return _said(turns[-1]) if turns else as_text(value)
        return _said(answer) if answer and column else None

    def _reference(self, cells: Cells) -> object:
        if self.reading.fields:
            return {name: cells.get(name) for name in self.reading.fields}
        value = self._cell(cells, "reference")
        return None if isinstance(value, str) and not value.strip() else value

    def _pair(self, cells: Cells) -> Pair | None:
        if comparison := self.reading.comparison:
            winner = comparison.winner(cells)
            first, second = cells.get(comparison.first), cells.get(comparison.second)
            return None if winner == 0 else read_pair(*((first, second) if winner == 1 else (second, first)))
        return read_pair(self._cell(cells, "chosen"), self._cell(cells, "rejected"))


def _conversation(value: object, column: str) -> Turns:
    turns = read_turns(value)
    if turns is None and value not in (None, "", []):
        raise UserError(
            f'column "{column}" does not hold a conversation',
            'a list of turns, each {"role": "user", "content": "..."} or {"from": "human", "value": "..."}',
            "mend this row, or name other columns with --column",
        )
    return turns or ()


def _pair_prompt(chosen: object) -> Turns:
    """The prompt of a row whose pair cannot be used, so that the row can still be shown."""
    return split_answer(read_turns(chosen) or ())[0]


def _user(text: str) -> Turns:
    return ({"role": "user", "content": text},)


def _said(turn: Message) -> str | None:
    """None for an empty turn; "" where it consists of tool calls."""
    text = str(turn["content"])
    return text if text.strip() else ("" if turn.get("tool_calls") else None)


def _context(value: object) -> str:
    """A list, such as the options of a question, is written as lettered lines."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(f"{chr(ord('A') + place)}. {item}" for place, item in enumerate(value))
    return as_text(value) or ""


def _yes_no(value: object) -> bool | None:
    word = str(value).strip().casefold()
    return True if word in ("true", "1", "1.0", "yes") else False if word in ("false", "0", "0.0", "no") else None


def _objects(value: object) -> tuple[Mapping[str, Any], ...]:
    """A list of objects, or such a list as JSON text; anything else is nothing."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = parse_json(value)
        except ValueError:
            return ()
    items = value if isinstance(value, list) else []
    return tuple(item for item in items if isinstance(item, Mapping))
