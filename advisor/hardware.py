"""What this machine can train on, asked of nvidia-smi: no torch, at most five seconds."""

import subprocess


def gpu_memory_gib() -> float:
    """Memory of the largest GPU in GiB; 0 where there is none or where nvidia-smi cannot tell."""
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout
        return round(max((float(line) for line in found.split()), default=0.0) / 1024, 1)
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0.0
