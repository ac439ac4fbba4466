"""What this machine can train on: its GPU asked of nvidia-smi, its CPU tried for a moment. No torch."""

import subprocess
import time
from dataclasses import dataclass

TRAINED = 0.35
"""Share of a GPU's best speed that training reaches. PaLM and Llama report 0.4 to 0.5."""
CPU_TRAINED, CPU_SAMPLED = 0.2, 0.06
"""Share of a CPU's best speed that training, and writing token by token, reach (docs/experiments.md)."""
STAGE_SECONDS = 20.0
"""What a stage and its evaluation take beside: two processes that import torch and load a model."""
TOGETHER = 64
"""Answers that are written side by side."""
STEP_SECONDS = 0.03
"""What a token takes at least on a GPU, however small the model: Python and kernel launches of transformers."""
GPUS = {
    "B200": (2250, 8.0),
    "H200": (989, 4.8),
    "H100": (989, 3.35),
    "A100": (312, 2.0),
    "L40S": (362, 0.86),
    "A6000": (155, 0.77),
    "A10": (125, 0.6),
    "V100": (15.7, 0.9),
    "5090": (210, 1.79),
    "4090": (165, 1.01),
    "3090": (71, 0.94),
    "L4": (121, 0.3),
    "T4": (8.1, 0.32),
}
"""Word of a GPU's name → TFLOP/s at 16 bits without sparsity, and TB/s of its memory: NVIDIA's data sheets.
V100 and T4 have no units for bf16, in which we train: at 32 bits."""


@dataclass(frozen=True, slots=True)
class Speed:
    """flops: of large products of matrices, a second. bandwidth: bytes of memory a second; None on a CPU, where
    computing is what takes the time."""

    flops: float
    bandwidth: float | None

    def seconds(self, parameters: int, trained: float, sampled: float, stages: int) -> float:
        """For so many tokens trained on and sampled in so many stages.

        Six operations a weight and token forward and backward, two forward (Kaplan et al., 2001.08361); LoRA spares two
        and its checkpointing takes them again.
        """
        training, sampling, around = 6 * parameters * trained, 2 * parameters * sampled, STAGE_SECONDS * stages
        if self.bandwidth is None:
            return around + training / (CPU_TRAINED * self.flops) + sampling / (CPU_SAMPLED * self.flops)
        step = max(STEP_SECONDS, 2 * parameters / self.bandwidth)
        return around + training / (TRAINED * self.flops) + step * sampled / TOGETHER


def gpu_memory_gib() -> float:
    """Memory of the largest GPU in GiB; 0 where there is none or where nvidia-smi cannot tell."""
    try:
        return round(max((float(line) for line in _asked("memory.total")), default=0.0) / 1024, 1)
    except ValueError:
        return 0.0


def speed() -> Speed | None:
    """Of the first GPU, else of the CPU. None for a GPU that is not in the table."""
    names = _asked("name")
    if not names:
        return Speed(_cpu_flops(), None)
    found = next((GPUS[word] for word in names[0].replace("-", " ").split() if word in GPUS), None)
    return None if found is None else Speed(found[0] * 1e12, found[1] * 1e12)


def _asked(field: str) -> list[str]:
    """A line for each GPU; none where there is none."""
    command = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader,nounits"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in found.splitlines() if line.strip()]


def _cpu_flops(side: int = 1024, tries: int = 3) -> float:
    """The best of a few products of square matrices in 32 bits."""
    import numpy

    matrix = numpy.ones((side, side), numpy.float32)
    seconds = []
    for _ in range(tries):
        begun = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - begun)
    return float(2 * side**3 / min(seconds))
