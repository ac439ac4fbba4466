"""What the lines are told of: a plan, its rows, and what children found out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.data.rows import Split
from pipelines.plan import Plan
from pipelines.plan_file import LoadedPlan
from pipelines.preflight.look import Look, StageLook
from pipelines.preflight.measured import Measured, Use


@dataclass(frozen=True, slots=True)
class Subject:
    """look: None where the model cannot be looked at; a line says why. measured: (stage, use) → what a trial took."""

    loaded: LoadedPlan
    run_folder: Path
    split: Split
    look: Look | None
    measured: Mapping[tuple[str, Use], Measured] = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        return self.loaded.plan

    @property
    def stages(self) -> tuple[StageLook, ...]:
        """Those that train and could be sized."""
        return self.look.stages if self.look else ()


def gib(num_bytes: float) -> str:
    """ "12.3 GiB", "0.04 GiB"."""
    value = num_bytes / 2**30
    return f"{value:,.1f} GiB" if value >= 1 else f"{value:.2g} GiB"
