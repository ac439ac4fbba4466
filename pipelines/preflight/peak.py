"""The most memory that this process held: on a GPU what torch had allocated, else resident pages by the kernel's count.

Linux alone can forget an earlier peak (proc(5), clear_refs); elsewhere the peak is that since the process began.
"""

import resource
import sys
from pathlib import Path

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def start() -> int:
    """Forgets the peak; returns what is held now, in bytes."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        return int(torch.cuda.memory_allocated())
    if not _STATUS.exists():
        return read()
    _FORGET.write_text("5")
    return _kept("VmRSS")


def read() -> int:
    """The peak since `start`, in bytes."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    if _STATUS.exists():
        return _kept("VmHWM")
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else 1024 * used


def _kept(name: str) -> int:
    lines = _STATUS.read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
