"""What the process of a stage would find to compute with."""

import os
from typing import Any


def facts() -> dict[str, Any]:
    """gpu: its name, or None. device_bytes: its memory, or the machine's. bf16: whether training computes in it."""
    import torch

    from pipelines.models import computes_in_bf16

    if torch.cuda.is_available():
        found = torch.cuda.get_device_properties(0)
        memory, name, count = int(found.total_memory), found.name, torch.cuda.device_count()
        return {"gpu": name, "gpus": count, "device_bytes": memory, "bf16": computes_in_bf16()}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"gpu": None, "gpus": 0, "device_bytes": memory, "bf16": computes_in_bf16()}
