"""Made-up files, rows and a tiny tokenizer for the tests of pipelines/data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.data.load import load_rows
from pipelines.data.rows import Row, Rows
from pipelines.data.spec import DataSpec

CHATML = (
    "{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] }}"
    "{% for call in m['tool_calls'] or [] %}<call>{{ call['function']['name'] }}</call>{% endfor %}"
    "<|stop|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Any], Path]:
    """write(name, content): text, bytes, or a list of rows that becomes JSON lines; returns the folder."""

    def _write(name: str, content: Any) -> Path:
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path

    return _write


@pytest.fixture
def load(write: Callable[[str, Any], Path]) -> Callable[..., Rows]:
    """load(rows, **fields of DataSpec): writes rows as JSON lines and loads them."""

    def _load(content: list[dict[str, Any]], **spec: Any) -> Rows:
        folder = write("rows.jsonl", content)
        return load_rows("rows.jsonl", DataSpec(train="rows.jsonl", **spec), folder)

    return _load


def make_rows(*pairs: tuple[str, str | None], roles: dict[str, str] | None = None) -> Rows:
    """(prompt, completion) pairs as Rows, numbered from 1."""
    rows = [
        Row(number, ({"role": "user", "content": prompt},), completion, columns={"q": prompt, "a": completion})
        for number, (prompt, completion) in enumerate(pairs, start=1)
    ]
    return Rows("made", "prompt+completion", roles or {"prompt": "q", "completion": "a"}, tuple(rows))


@pytest.fixture(scope="session")
def tokenizer_text() -> str:
    """A byte-level tokenizer that learned a few merges, so that tokens may span borders; as JSON."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=["<|start|>", "<|stop|>", "<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(
        ["the answer is 7", "how many pears: 7", "Assistant: yes", "assistant\nyes"] * 9, trainer
    )
    return str(tokenizer.to_str())


@pytest.fixture
def tokenizer(tokenizer_text: str) -> Any:
    """Ends turns with <|stop|>, while its end token is <|end|>, as instruct models made from base models do."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(tokenizer_text), eos_token="<|end|>")
    made.add_special_tokens({"additional_special_tokens": ["<|start|>", "<|stop|>"]})
    made.chat_template = CHATML
    return made
