"""A reward model with a random head on the starter's body, made once for all tests that need any."""

import tempfile
from functools import cache
from pathlib import Path

from pipelines.sources import STARTER


@cache
def folder() -> Path:
    """The folder that holds ./reward-model; both live as long as the tests."""
    import torch
    from transformers import AutoTokenizer

    from reward_models.model import leave, load_body, write_centre

    where = Path(tempfile.mkdtemp())
    tokenizer = AutoTokenizer.from_pretrained(STARTER)
    torch.manual_seed(0)
    model = load_body(str(STARTER), torch.float32, {}, tokenizer.pad_token_id)
    leave(model, tokenizer, (str(STARTER), {}), where / "reward-model")
    write_centre(where / "reward-model", 0.25)
    return where
