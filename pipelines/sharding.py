"""Models whose weights, gradients and optimizer states are shared out over the processes: FSDP2 and DeepSpeed's ZeRO.

While such a model trains, no process has it whole. So nothing is sampled from it by our own engine, nothing is measured
on validation rows, and the last weights are the ones that are left; at the end the first process gathers them in fp32.
"""

from collections.abc import Mapping
from typing import Any

Weights = Mapping[str, Any]
"""A whole model's state: parameter → tensor, on the CPU."""


def holds_whole(kind: Any) -> bool:
    """Whether each process holds the whole model: one process, or DDP. kind: accelerate's DistributedType."""
    from accelerate.utils import DistributedType

    return kind in (DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU)


def own_part(tensor: Any) -> Any:
    """What this process holds of a parameter."""
    whole_or_dtensor = getattr(tensor, "ds_tensor", tensor)  # ZeRO-3 leaves an empty tensor in the parameter's place
    return whole_or_dtensor.to_local() if hasattr(whole_or_dtensor, "to_local") else whole_or_dtensor


def whole_weights(trainer: Any) -> Weights | None:
    """The trained model's state in fp32, on the first process; None where the model itself is whole.

    All processes must call it. Others than the first get a part, or nothing.
    """
    from accelerate.utils import DistributedType

    accelerator = trainer.accelerator
    if holds_whole(accelerator.distributed_type):
        return None
    if accelerator.distributed_type == DistributedType.DEEPSPEED:
        return _from_zero(accelerator.unwrap_model(trainer.model))
    state = accelerator.get_state_dict(trainer.model)
    model = accelerator.unwrap_model(trainer.model)
    own = {name for name, _ in [*model.named_parameters(), *model.named_buffers()]}  # tied weights once
    return {name: tensor for name, tensor in state.items() if name in own}


def _from_zero(model: Any) -> Weights:
    """The optimizer's fp32 weights; the model's own are bf16. What is frozen is read as it is."""
    from deepspeed import zero
    from deepspeed.utils import safe_get_full_fp32_param

    found = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            found[name] = safe_get_full_fp32_param(parameter).detach().float().cpu()
        else:
            with zero.GatheredParameters([parameter]):
                found[name] = parameter.detach().float().cpu()
    return found
