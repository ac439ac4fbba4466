"""A small model for tasks with few words: about 2 million random parameters and a tokenizer of whole words."""

from collections.abc import Iterable
from pathlib import Path

SPECIAL = ["<|pad|>", "<|end|>", "<|unknown|>", "<|system|>", "<|user|>", "<|assistant|>"]


def make_model(texts: Iterable[str], out: Path, seed: int) -> None:
    """Writes a Qwen3 that knows the words of these texts, in small letters; what stands between spaces is a word."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    from pipelines.starter.tokenizer import chat_template

    words = sorted({word for text in texts for word in text.lower().split()})
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
