"""Memory of each stage that trains: by the formula of pipelines/memory.py, and by a trial's real steps where asked."""

import os
from collections.abc import Iterator
from pathlib import Path

from pipelines.plan import Sharding
from pipelines.preflight.look import MemoryLook, StageLook
from pipelines.preflight.record import Line, amber, green, red
from pipelines.preflight.subject import Subject, gib

WITHIN = 0.15
"""How near formula and measurement shall be."""
NEAR_BYTES = 256 << 20
"""A difference that is no matter: of a tiny model the libraries' own buffers are most of the peak."""
FULL = 0.9
"""Of a device's memory: above it the gaps between allocations decide. Ours."""
_TO_FIX = "tuning: lora, shorter rows or answers, a smaller model, or a device with more memory"


def lines(subject: Subject) -> Iterator[Line]:
    """One line a stage by the formula; one more where it was measured."""
    if subject.look is None:
        return
    room = subject.look.device_bytes
    for stage in subject.stages:
        yield _by_formula(stage, room, subject.plan.sharding)
        if (found := subject.measured.get((stage.stage, "memory"))) is not None:
            yield _by_steps(stage, found.peak_bytes)


def _by_formula(stage: StageLook, room: int, sharding: Sharding) -> Line:
    """Of a model that each process holds whole; how much less a share of it takes is not reckoned."""
    needed = stage.memory.peak
    said = "; ".join([f"about {gib(needed)} of {gib(room)}", *_parts(stage.memory)])
    if needed > room and sharding != "none":
        said += f"; each process would hold all of it, but {sharding} shares it out, which is not reckoned"
        return amber("memory", said, "try some steps before a long run", needed / 2**30, stage.stage)
    if needed > room:
        return red("memory", said, "room on the device", _TO_FIX, stage.stage)
    if needed > FULL * room:
        return amber("memory", said, _TO_FIX, needed / 2**30, stage.stage)
    return green("memory", said, needed / 2**30, "GiB", stage.stage)


def _parts(found: MemoryLook) -> list[str]:
    sizes = (found.held, found.activations, found.output, found.gradients, found.sampling)
    held, activations, output, gradients, sampling = map(gib, sizes)
    named = (
        f"weights and states {held}",
        f"activations {activations}",
        f"output layer {output}",
        f"gradients {gradients}",
        f"sampling {sampling}",
    )
    return [said for said, size in zip(named, sizes, strict=True) if size]


def _by_steps(stage: StageLook, peak_bytes: int) -> Line:
    if peak_bytes <= 0:  # all of it was memory that the process had already
        said = f"real steps took too little to measure; the formula says {gib(stage.trial_bytes)}"
        return green("memory measured", said, 0.0, "GiB", stage.stage)
    apart = stage.trial_bytes / peak_bytes - 1
    said = f"real steps took {gib(peak_bytes)} where the formula says {gib(stage.trial_bytes)} ({apart:+.0%})"
    if abs(apart) > WITHIN and abs(stage.trial_bytes - peak_bytes) > NEAR_BYTES:
        return amber("memory measured", said, "go by the measurement", peak_bytes / 2**30, stage.stage)
    return green("memory measured", said, peak_bytes / 2**30, "GiB", stage.stage)


def free_bytes() -> int:
    """Of this machine's memory, without what the system would give back of its caches where it does not say."""
    path = Path("/proc/meminfo")
    if path.exists():
        line = next(line for line in path.read_text().splitlines() if line.startswith("MemAvailable:"))
        return 1024 * int(line.split()[1])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
