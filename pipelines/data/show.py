"""Rendered rows for the user's eyes: the tokens that carry loss are green, and stand between ⟦ and ⟧."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from pipelines.data.render import encode, encode_prompt
from pipelines.data.rows import Row, Rows

_LONGEST = 1200


def show(tokenizer: Any, rows: Rows, n: int = 3, template_args: Mapping[str, Any] | None = None) -> list[Text]:
    """The first `n` rows with a demonstration, else the first `n` rows, as the model sees them."""
    worked = [row for row in rows.rows if row.demonstration is not None]
    return [_row_text(tokenizer, row, template_args or {}) for row in (worked or rows.rows)[:n]]


def _row_text(tokenizer: Any, row: Row, template_args: Mapping[str, Any]) -> Text:
    text = Text(f"row {row.number}\n", style="bold")
    if row.demonstration is None:
        prompt = tokenizer.decode(encode_prompt(tokenizer, row.messages, template_args, row.tools))
        return text.append(_shortened(prompt), "not bold").append("\n(no demonstration: nothing carries loss)", "dim")
    encoded = encode(tokenizer, row.messages, row.answer, template_args, row.tools)
    prompt = tokenizer.decode(encoded.input_ids[: encoded.prompt_len])
    answer = tokenizer.decode(encoded.input_ids[encoded.prompt_len :])
    text.append(_shortened(prompt), "not bold").append("⟦", "dim")
    text.append(_shortened(answer), "bold green").append("⟧", "dim")
    trained = len(encoded.input_ids) - encoded.prompt_len
    return text.append(f"\n{trained} of {len(encoded.input_ids)} tokens carry loss", "dim")


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]}\n... {len(text) - 2 * half:,} characters ...\n{text[-half:]}"
