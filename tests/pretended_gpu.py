"""A GPU for machines without one: what runs on it is computed by the CPU, but only as a GPU would allow.

Its tensors wrap tensors of the CPU. An operation on tensors of both, `numpy()` and `tolist()` behave as with CUDA; bf16
autocast casts as CUDA's does. So code that forgets a device, or that mixes types, fails here as it would there. What it
cannot show: CUDA's own kernels, streams, memory and speed. For a process of its own: it cannot be taken off again.
Built on torch's Python backends (torch/utils/backend_registration.py), which are experimental.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from torch import library
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

NAME = "pretended"
GPU, CUDA, CPU = f"{NAME}:0", torch.device("cuda", 0), torch.device("cpu")
MEMORY = 8 * 2**30

IN_BF16 = ("linear", "mm", "bmm", "addmm", "baddbmm", "matmul", "scaled_dot_product_attention")
IN_FP32 = (
    *("softmax.int", "log_softmax.int", "cross_entropy_loss", "nll_loss", "nll_loss_nd", "layer_norm", "rsqrt"),
    *("exp", "log", "pow.Tensor_Scalar", "cumsum", "prod", "sum", "sum.dim_IntList", "softplus", "mse_loss"),
    *("binary_cross_entropy_with_logits", "norm.Scalar"),
)
"""Of what CUDA's autocast casts (PyTorch's documentation of torch.amp), what we and our libraries call."""


class OnGpu(torch.Tensor):
    """A tensor of the GPU; `inner` is where the CPU keeps it."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> "OnGpu":
        where = {"strides": inner.stride(), "storage_offset": inner.storage_offset(), "device": torch.device(GPU)}
        made: OnGpu = torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), dtype=inner.dtype, layout=inner.layout, requires_grad=False, **where
        )
        made.inner = inner
        return made

    def __repr__(self, **_: Any) -> str:
        return f"OnGpu({self.inner!r})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        """In a file it is a tensor of the CPU."""
        return self.inner.__reduce_ex__(protocol)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


def computed(func: Any, args: Any, kwargs: Any) -> Any:
    """The operation, by the CPU; its result is on the GPU where it would be. Raises RuntimeError where CUDA would."""
    flat, spec = tree_flatten((args, kwargs))
    on_gpu = [value for value in flat if isinstance(value, OnGpu)]
    _require_one_device(func, args, flat, bool(on_gpu))
    devices = [value for value in flat if isinstance(value, torch.device)]
    stays = _is_gpu(devices[0]) if devices else bool(on_gpu)
    args, kwargs = tree_unflatten([_of_the_cpu(value) for value in flat], spec)
    if func is torch.ops.aten.copy_.default:
        args[0].copy_(args[1])
        return flat[0]
    found = _product(func, args) if func in _PRODUCTS else func(*args, **_unpinned(kwargs))
    known = {id(value.inner): value for value in on_gpu}

    def placed(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or isinstance(value, OnGpu):
            return value
        return known[id(value)] if id(value) in known else OnGpu(value) if stays else value

    return tree_map(placed, found)


_PRODUCTS = tuple(getattr(torch.ops.aten, name).default for name in ("mm", "bmm", "addmm", "baddbmm"))


def _product(func: Any, args: Any) -> Any:
    """Summed up in fp32, as a GPU does it; most CPUs have nothing fast for bf16."""
    dtypes = {value.dtype for value in args if isinstance(value, torch.Tensor)}
    if dtypes != {torch.bfloat16}:
        return func(*args)
    return func(*(value.float() if isinstance(value, torch.Tensor) else value for value in args)).to(torch.bfloat16)


def _of_the_cpu(value: Any) -> Any:
    return value.inner if isinstance(value, OnGpu) else CPU if isinstance(value, torch.device) else value


def _unpinned(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if name != "pin_memory"}


def _require_one_device(func: Any, args: Any, flat: list[Any], on_gpu: bool) -> None:
    """Numbers without dimensions may be on the CPU, and so may the indices of a tensor that is on the GPU."""
    name = func._schema.name
    beside = [
        value for value in flat if isinstance(value, torch.Tensor) and not isinstance(value, OnGpu) and value.dim()
    ]
    if not on_gpu or not beside or name.startswith(("aten::copy", "aten::_to_copy", "aten::to", "aten::_copy")):
        return
    indexed = name.startswith(("aten::index", "aten::_index", "aten::_unsafe_index")) and isinstance(args[0], OnGpu)
    if indexed and isinstance(args[1], list | tuple):
        return
    shapes = [tuple(value.shape) for value in beside]
    raise RuntimeError(f"Expected all tensors to be on the same device, but {name} has {shapes} on the CPU")


def _is_gpu(device: Any) -> bool:
    return device is not None and torch.device(device).type in ("cuda", NAME)


class _Operations(TorchDispatchMode):
    """What no tensor of the GPU is in: making one, and copies to it."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func._schema.name in ("aten::pin_memory", "aten::_pin_memory"):
            return args[0]
        if func._schema.name == "aten::is_pinned":
            return False
        flat, _ = tree_flatten((args, kwargs))
        if any(isinstance(value, OnGpu) or (isinstance(value, torch.device) and _is_gpu(value)) for value in flat):
            return computed(func, args, kwargs)
        return func(*args, **_unpinned(kwargs))


class _Names(TorchFunctionMode):
    """The GPU is called "cuda"; what torch does in C++ without asking the modes is done here."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.tensor, torch.as_tensor) and _is_gpu(kwargs.get("device")):
            return func(*args, **{name: value for name, value in kwargs.items() if name != "device"}).to(GPU)
        if func is torch.Tensor.pin_memory:
            return args[0]
        if func is torch.Tensor.cuda:
            return args[0].to(GPU)
        if args and isinstance(args[0], OnGpu) and (own := _OWN_WAYS.get(func)) is not None:
            return own(*args, **kwargs)
        return func(*map(_named, args), **{name: _named(value) for name, value in kwargs.items()})


def _named(value: Any) -> Any:
    names = isinstance(value, str) and value in ("cuda", "cuda:0")
    return torch.device(GPU) if names or (isinstance(value, torch.device) and value.type == "cuda") else value


def _no_numpy(*_: Any, **__: Any) -> Any:
    raise TypeError("can't convert cuda:0 device type tensor to numpy; use Tensor.cpu() first")


_OWN_WAYS: dict[Any, Callable[..., Any]] = {
    torch.Tensor.device.__get__: lambda *_: CUDA,  # type: ignore[attr-defined]
    torch.Tensor.is_cuda.__get__: lambda *_: True,  # type: ignore[attr-defined]
    torch.Tensor.tolist: lambda own: own.detach().cpu().tolist(),
    torch.Tensor.numpy: _no_numpy,
    torch.Tensor.__array__: _no_numpy,
    torch.Tensor.new_tensor: lambda own, data, **how: torch.tensor(data, **({"dtype": own.dtype} | how)).to(GPU),
    torch.Tensor.untyped_storage: lambda own: own.inner.untyped_storage(),
    torch.Tensor.storage: lambda own: own.inner.storage(),
    torch.Tensor.data_ptr: lambda own: own.inner.data_ptr(),
}
"""What a tensor of the GPU does by itself."""


class _Backend(backend_registration._DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]

    def get_rng_state(self, _device: Any = 0) -> torch.Tensor:
        return torch.zeros(16, dtype=torch.uint8)

    def set_rng_state(self, _state: Any, _device: Any = 0) -> None: ...
    def set_device(self, _device: Any) -> None: ...
    def synchronize(self, *_: Any) -> None: ...
    def empty_cache(self) -> None: ...


def _cast(operation: Any, dtype: torch.dtype) -> Callable[..., Any]:
    own_key = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)

    def cast(value: Any) -> Any:
        floats = isinstance(value, torch.Tensor) and value.dtype in (torch.float32, torch.bfloat16, torch.float16)
        return value.to(dtype) if floats else value

    def kernel(*args: Any, **kwargs: Any) -> Any:
        with torch._C._ExcludeDispatchKeyGuard(own_key):
            return operation(*tree_map(cast, args), **tree_map(cast, kwargs))

    return kernel


_LIBRARIES: list[Any] = []  # what was registered lasts as long as these


def _cast_as_cuda_does() -> None:
    every, ours = library.Library("_", "IMPL"), library.Library("aten", "IMPL")
    every.fallback(library.fallthrough_kernel, "AutocastPrivateUse1")
    for name in IN_BF16 + IN_FP32:
        packet, _, overload = name.partition(".")
        operation = getattr(getattr(torch.ops.aten, packet), overload or "default")
        dtype = torch.bfloat16 if name in IN_BF16 else torch.float32
        ours.impl(name, _cast(operation, dtype), "AutocastPrivateUse1")
    _LIBRARIES.extend((every, ours))
    begin = torch.autocast.__init__

    def on_the_gpu(self: Any, device_type: str, *args: Any, **kwargs: Any) -> None:
        begin(self, NAME if device_type == "cuda" else device_type, *args, **kwargs)

    torch.autocast.__init__ = on_the_gpu  # type: ignore[method-assign]


def _answer_as_cuda_does() -> None:
    """What is asked of torch.cuda itself: one card with nothing on it."""
    card = SimpleNamespace(major=9, minor=0, name="Pretended GPU", total_memory=MEMORY, multi_processor_count=100)
    state = torch.zeros(16, dtype=torch.uint8)
    answers: dict[str, Any] = {
        **dict.fromkeys(("is_available", "is_initialized", "is_bf16_supported", "is_tf32_supported"), True),
        **dict.fromkeys(("memory_reserved", "memory_allocated", "max_memory_allocated", "current_device"), 0),
        **dict.fromkeys(("empty_cache", "synchronize", "reset_peak_memory_stats", "manual_seed", "_lazy_init"), None),
        **dict.fromkeys(("manual_seed_all", "set_device", "set_rng_state", "set_rng_state_all"), None),
        **{"device_count": 1, "mem_get_info": (MEMORY, MEMORY), "get_device_properties": card},
        **{"get_device_capability": (9, 0), "get_device_name": card.name},
        **{"get_rng_state": state, "get_rng_state_all": [state]},
    }
    for name, answer in answers.items():
        for module in (torch.cuda, torch.cuda.random):
            if hasattr(module, name):
                setattr(module, name, lambda *_, _answer=answer, **__: _answer)


@contextmanager
def pretended_gpu() -> Iterator[None]:
    """Inside, this process has a GPU. What it changes in torch stays after it."""
    backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=_Backend())
    _cast_as_cuda_does()
    _answer_as_cuda_does()
    with _Names(), _Operations():
        yield
