"""Pairs and thumbs → token ids as DPO and KTO take them, rendered as everywhere here. Nothing is truncated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graders.errors import UserError
from pipelines.data.render import encode
from pipelines.data.rows import Row, Rows
from pipelines.data.show import show
from pipelines.data.table import listed


@dataclass(frozen=True, slots=True)
class Examples:
    """examples: mappings of token ids, one for each row kept. longest: tokens of the longest sequence among them.

    too_long: numbers of the rows left out. notes: for the user.
    """

    examples: list[dict[str, Any]]
    longest: int
    too_long: tuple[int, ...]
    notes: tuple[str, ...]


def pair_examples(rows: Rows, tokenizer: Any, max_length: int, template_args: Mapping[str, Any]) -> Examples:
    """{"prompt_ids", "chosen_ids", "rejected_ids"} of each pair whose sides both fit; UserError when none is left."""
    made = []
    for row in rows.rows:
        chosen = encode(tokenizer, row.messages, str(row.chosen), template_args, row.tools)
        rejected = encode(tokenizer, row.messages, str(row.rejected), template_args, row.tools)
        prompt = chosen.prompt_len
        example = {
            "prompt_ids": chosen.input_ids[:prompt],
            "chosen_ids": chosen.input_ids[prompt:],
            "rejected_ids": rejected.input_ids[prompt:],
        }
        made.append((row, example, max(len(chosen.input_ids), len(rejected.input_ids))))
    return _fitting(made, max_length, "pairs", rows.source)


def thumb_examples(rows: Rows, tokenizer: Any, max_length: int, template_args: Mapping[str, Any]) -> Examples:
    """{"prompt_ids", "completion_ids", "label", "KL_completion_ids"} of each marked row that fits, in the rows' order.

    KTO measures its KL on prompts with an answer to another: here that of the row before, so rows should be shuffled.
    """
    made = []
    for row in rows.rows:
        encoded = encode(tokenizer, row.messages, str(row.completion), template_args, row.tools)
        prompt, answer = encoded.input_ids[: encoded.prompt_len], encoded.input_ids[encoded.prompt_len :]
        example = {"prompt_ids": prompt, "completion_ids": answer, "label": bool(row.desirable)}
        made.append((row, example, len(encoded.input_ids)))
    found = _fitting(made, max_length, "rows", rows.source)
    others = [found.examples[-1], *found.examples[:-1]]
    pairs = zip(found.examples, others, strict=True)
    mixed = [{**one, "KL_completion_ids": other["completion_ids"]} for one, other in pairs]
    return replace(found, examples=mixed)


def _fitting(made: Sequence[tuple[Row, dict[str, Any], int]], max_length: int, what: str, source: str) -> Examples:
    kept = [(example, length) for _, example, length in made if length <= max_length]
    too_long = tuple(row.number for row, _, length in made if length > max_length)
    if not kept:
        raise UserError(
            f"all {len(made)} {what} are longer than {max_length} tokens",
            f"{what} that fit",
            "raise max_length, shorten the answers, or take a model with a longer context",
            source,
        )
    note = f"{len(too_long)} {what} are longer than {max_length} tokens and were left out: {listed(too_long, 5)}"
    longest = max(length for _, length in kept)
    return Examples([example for example, _ in kept], longest, too_long, (note,) if too_long else ())


def shown(tokenizer: Any, rows: Rows, template_args: Mapping[str, Any]) -> str:
    """The first rows as they are trained on, both sides of a pair, for a person to look at."""
    texts = []
    for row in rows.rows[:3]:
        named = {"chosen": row.chosen, "rejected": row.rejected}
        if row.desirable is not None:
            named = {"good" if row.desirable else "bad": row.completion}
        for name, answer in named.items():
            plain = replace(row, completion=answer, desirable=None)
            [text] = show(tokenizer, rows.only([plain]), 1, template_args)
            texts.append(f"{name} of {text.plain}")
    return "\n\n".join(texts) + "\n"
