"""How many tokens a text has: by a model's own tokenizer, or as an estimate that says so. Without torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from graders.errors import UserError


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """name: whose tokenizer it is, or how the number is estimated. count: texts → tokens of each."""

    name: str
    count: Callable[[Sequence[str]], list[int]]


ESTIMATE = "estimate: a token for 4 ASCII characters, 2 of other alphabets, 1 Chinese, Japanese or Korean sign"
"""OpenAI's rule of thumb for English (4 characters); the others are ours, and rougher."""
_WIDE = "\u2e80"


def token_counter(model: str | None, base: Path) -> TokenCounter:
    """model: `starter`, a folder with tokenizer.json, or a hub id; None estimates."""
    if model is None:
        return TokenCounter(ESTIMATE, lambda texts: [_estimated(text) for text in texts])
    from tokenizers import Tokenizer

    from pipelines.sources import STARTER

    folder = STARTER if model == "starter" else base / Path(model).expanduser()
    file = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(file)) if file.is_file() else Tokenizer.from_pretrained(model)
    except Exception as error:  # tokenizers raises nothing narrower
        raise UserError(
            f"the tokenizer of {model} cannot be loaded: {' '.join(str(error).split())[:200]}",
            "`starter`, a folder with tokenizer.json, or a hub id",
            "leave --model out for an estimate",
        ) from error

    def counted(texts: Sequence[str]) -> list[int]:
        encoded = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(one.ids) for one in encoded]

    return TokenCounter(model, counted)


def _estimated(text: str) -> int:
    if text.isascii():
        return -(-len(text) // 4)
    wide = sum(char >= _WIDE for char in text)
    ascii_chars = len(text.encode("ascii", "ignore"))
    return -(-ascii_chars // 4) + wide + -(-(len(text) - wide - ascii_chars) // 2)
