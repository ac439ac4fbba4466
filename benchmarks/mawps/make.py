"""MAWPS fold 0 and a random model → a folder in which `finetune-advisor run plan.yaml` works.

In: the folder with fold0_train.csv and fold0_dev.csv (columns Question, Numbers, Equation, Answer). Out, in `out`:
train.jsonl (300 rows with their equation, the others with their answer alone), all.jsonl (the same rows, each with its
equation), validation.jsonl (150 of the rows without an equation), test.jsonl (the 384 of fold0_dev.csv), model/ (Qwen3,
random weights, a vocabulary of words), grade.py and the plans. Which 300 rows are worked, the seed decides.
"""

import csv
import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

WORKED, VALIDATION = 300, 150
HERE = Path(__file__).parent
SPECIAL = ["<|pad|>", "<|end|>", "<|unknown|>", "<|system|>", "<|user|>", "<|assistant|>"]


def make(data: Path, out: Path, seed: int) -> None:
    """Writes everything; what is there is replaced, runs stay."""
    out.mkdir(parents=True, exist_ok=True)
    train, test = rows_of(data / "fold0_train.csv"), rows_of(data / "fold0_dev.csv")
    order = list(range(len(train)))
    Random(seed).shuffle(order)
    worked, held, bare = order[:WORKED], order[WORKED : WORKED + VALIDATION], order[WORKED + VALIDATION :]
    without = [{**train[place], "Equation": None} for place in bare]
    write(out / "train.jsonl", [train[place] for place in worked] + without)
    write(out / "all.jsonl", [train[place] for place in [*worked, *bare]])
    write(out / "validation.jsonl", [{**train[place], "Equation": None} for place in held])
    write(out / "test.jsonl", test)
    make_model([row["Question"] for row in train], [row["Equation"] for row in train], out / "model", seed)
    shutil.copy(HERE / "grade.py", out)
    for plan in HERE.glob("*.yaml"):
        (out / plan.name).write_text(plan.read_text().replace("seed: 0", f"seed: {seed}"))


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The columns that are used, in the file's order."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {key: row[key] for key in ("Question", "Numbers", "Equation", "Answer")} for row in csv.DictReader(file)
        ]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def make_model(questions: list[str], equations: list[str], out: Path, seed: int) -> None:
    """About 2 million random parameters, and a tokenizer of the words of the training rows, numbers as they stand."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    from pipelines.starter.tokenizer import chat_template

    words = sorted({word for text in [*questions, *equations] for word in text.lower().split()})
    vocabulary = {word: place for place, word in enumerate([*SPECIAL, *words])}
    level = Tokenizer(models.WordLevel(vocabulary, unk_token="<|unknown|>"))
    level.normalizer = normalizers.Lowercase()
    level.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=level,
        chat_template=chat_template(),
        pad_token="<|pad|>",
        eos_token="<|end|>",
        unk_token="<|unknown|>",
        additional_special_tokens=SPECIAL[3:],
        model_max_length=256,
        clean_up_tokenization_spaces=False,
    )
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=len(vocabulary),
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        attn_implementation="eager",
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(
        max_new_tokens=24, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
