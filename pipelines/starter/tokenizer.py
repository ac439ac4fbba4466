"""The starter's tokenizer: byte-level BPE of 768 entries, digits one by one, any UTF-8 text round-trips.

Trained on rows of the four tasks. `<|end|>` ends every turn and is the eos token; `<|pad|>` is only padding.
"""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from pipelines.starter.tasks import TASKS, generate

NUM_ENTRIES = 768
LONGEST_TOKENS = 1024
PAD, END = "<|pad|>", "<|end|>"
SPECIAL = [PAD, END, "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"]


def chat_template() -> str:
    """The jinja text that is saved with the tokenizer."""
    return files("pipelines.starter").joinpath("template.jinja").read_text(encoding="utf-8").rstrip("\n")


def texts(rows_per_task: int, seed: int) -> Iterator[str]:
    """All fields of generated rows: what the merges are learnt from. Word problems, the longest, count most."""
    for task in TASKS:
        for row in generate(task, rows_per_task * (4 if task == "arithmetic" else 1), seed):
            yield from row.values()


def build_tokenizer(rows_per_task: int = 2000, seed: int = 0) -> Any:
    """A transformers fast tokenizer, not yet saved."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=NUM_ENTRIES,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts(rows_per_task, seed), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        chat_template=chat_template(),
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=SPECIAL[2:],
        model_max_length=LONGEST_TOKENS,
        clean_up_tokenization_spaces=False,
    )
