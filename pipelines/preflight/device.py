"""What the process of a stage would find to compute with."""

import os
from typing import Any


def facts() -> dict[str, Any]:
    """gpu: its name, or None. device_bytes: its memory, or the machine's. bf16: whether training computes in it.
    imitated: whether the GPU only imitates bf16, as those before Ampere do, though torch calls it supported."""
    import torch

    from pipelines.models import computes_in_bf16

    if torch.cuda.is_available():
        found = torch.cuda.get_device_properties(0)
        memory, name, count = int(found.total_memory), found.name, torch.cuda.device_count()
        imitated = not torch.cuda.is_bf16_supported(including_emulation=False)
        told = {"bf16": computes_in_bf16(), "imitated": imitated}
        return {"gpu": name, "gpus": count, "device_bytes": memory, **told}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"gpu": None, "gpus": 0, "device_bytes": memory, "bf16": computes_in_bf16(), "imitated": False}
