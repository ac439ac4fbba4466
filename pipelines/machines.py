"""Several machines that run one plan: how many, which one this is, and where the first can be reached.

Each runs the same command on a run folder that all share, at the same path. The first (rank 0) is the runner: it alone
writes records and holds the run's lock (`pipelines/others.py`). The others start their part of each stage that it
starts (`pipelines/follower.py`).
"""

from dataclasses import dataclass

from graders.errors import UserError

PORT = 29500
"""Where torch's launcher listens by default."""


@dataclass(frozen=True, slots=True)
class Machines:
    """rank: this one's number, from 0. address: of the first, as the others reach it."""

    count: int = 1
    rank: int = 0
    address: str = ""
    port: int = PORT

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    @property
    def others(self) -> range:
        """The ranks of all but the first."""
        return range(1, self.count)


ALONE = Machines()


def require_fitting(machines: Machines, processes: int) -> None:
    """Raises UserError where so many processes cannot be started on these machines."""
    if machines.rank >= machines.count:
        happened = f"there is no machine {machines.rank} among {machines.count}: they are counted from 0"
        raise UserError(happened, f"--machine-rank from 0 to {machines.count - 1}")
    if processes % machines.count:
        said = "1 process" if processes == 1 else f"{processes} processes"
        happened = f"{said} cannot be shared by {machines.count} machines"
        fix = f"--num-processes {machines.count}, or a multiple of it; it counts those of all machines"
        raise UserError(happened, "as many on each", fix)
    if machines.count > 1 and not machines.address:
        happened = "several machines must know where the first one can be reached"
        raise UserError(happened, "its address", "--main-process-ip IP, the same on all")
