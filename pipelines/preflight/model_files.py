"""Whether a model's folder holds all of its weights, by their names in the files' headers: nothing is loaded."""

import json
from collections.abc import Iterable
from pathlib import Path

from pipelines.models import Policy
from pipelines.preflight.record import Line, green, red

_OTHER = ("*.bin", "*.pt", "*.pth")
_TO_FIX = "copy or download the folder again"


def line(where: str, policy: Policy) -> Line:
    """red where files are missing, cut off, or lack weights that the config asks for."""
    millions = policy.num_parameters / 1e6
    size = f"{millions:,.1f} million parameters"
    folder = Path(where)
    if not folder.is_dir():
        return green("model", f"{where}: {size}", millions, "million parameters")
    files = sorted(folder.glob("*.safetensors"))
    if not files and any(path for pattern in _OTHER for path in folder.glob(pattern)):
        return green("model", f"{size}, in an older form than safetensors", millions, "million parameters")
    if not files:
        return red("model", "the folder holds no weights", "a *.safetensors beside config.json", _TO_FIX)
    try:
        names = {name for path in files for name in tensor_names(path)}
    except ValueError as error:
        return red("model", str(error), "whole files", _TO_FIX)
    lacking = set(_needed(policy)) - names
    if lacking and not _other_prefix(lacking, names):
        return red("model", f"the files lack {len(lacking)} weights, such as {min(lacking)}", "all of them", _TO_FIX)
    return green("model", size, millions, "million parameters")


def tensor_names(path: Path) -> list[str]:
    """Of a safetensors file. Raises ValueError where the file is shorter than its header says.

    The form: 8 bytes with the header's length, the header as JSON, then the tensors at the offsets that it names.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > size:
            raise ValueError(f"{path.name} is no safetensors file, or is cut off")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    if 8 + length + end > size:
        raise ValueError(f"{path.name} is cut off: {size:,} bytes of {8 + length + end:,}")
    return list(header)


def _needed(policy: Policy) -> Iterable[str]:
    """One name of each weight; those that share it need not be there."""
    return (name for name, _ in policy.model.named_parameters())


def _other_prefix(lacking: Iterable[str], names: set[str]) -> bool:
    """Whether the files only name them otherwise, as those of older versions and of base models do."""
    ends = {name.rsplit(".", 2)[-2] for name in names if name.count(".") > 1}
    return all(name.count(".") < 2 or name.rsplit(".", 2)[-2] in ends for name in lacking)
