"""A language model → a reward model, and a trained one → a plain folder that AutoModelForSequenceClassification loads.

The head is one linear layer on the last token's state, without a bias. With LoRA the head is trained whole and lies in
the adapter's files; merging brings it back.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from graders.reward_model import FACTS


def load_body(where: str, dtype: Any, options: dict[str, Any], pad_token_id: int) -> Any:
    """`where`: a causal language model's folder or hub id. The head is random, by torch's seed."""
    from transformers import AutoModelForSequenceClassification
    from trl.trainer.reward_trainer import suppress_seqcls_warning

    with suppress_seqcls_warning():
        model = AutoModelForSequenceClassification.from_pretrained(where, num_labels=1, dtype=dtype, **options)
    model.config.get_text_config().pad_token_id = pad_token_id
    return model


def lora_for_head(rank: int) -> Any:
    """An adapter on every linear layer of the body, alpha twice the rank; the head is trained whole."""
    from peft import LoraConfig

    return LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules="all-linear", modules_to_save=["score"], task_type="SEQ_CLS"
    )


def leave(model: Any, tokenizer: Any, base: tuple[str, dict[str, Any]], folder: Path, weights: Any = None) -> None:
    """Writes a plain fp32 model and its tokenizer, atomically; an adapter is kept beside it and merged into the base.

    base: where it is loaded from again for a merge, and with which options. weights: the model's state, where processes
    hold parts of the model.
    """
    temporary = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    if hasattr(model, "peft_config"):
        import torch
        from peft import PeftModel

        adapter = folder.with_name("adapter")
        model.save_pretrained(adapter, state_dict=weights)
        body = load_body(base[0], torch.float32, base[1], tokenizer.pad_token_id)
        model, weights = PeftModel.from_pretrained(body, adapter).merge_and_unload(), None
    (model.float() if weights is None else model).save_pretrained(temporary, state_dict=weights)
    tokenizer.save_pretrained(temporary)
    temporary.rename(folder)


def write_centre(folder: Path, centre: float) -> None:
    """What the grader takes off this model's numbers."""
    (folder / FACTS).write_text(json.dumps({"centre": centre}) + "\n", encoding="utf-8")
