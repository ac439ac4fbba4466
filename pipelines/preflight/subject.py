"""What the lines are told of: a plan, its rows, and what children found out."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.data.rows import Split
from pipelines.plan import Plan
from pipelines.plan_file import LoadedPlan
from pipelines.preflight.look import Look, StageLook


@dataclass(frozen=True, slots=True)
class Subject:
    """look: None where the model cannot be looked at; a line says why."""

    loaded: LoadedPlan
    run_folder: Path
    split: Split
    look: Look | None

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
