"""What the ejection asks of a peer."""

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.eject.ready import Made, Ready
from pipelines.plan import Plan, Stage


@dataclass(frozen=True, slots=True)
class Peer:
    """title: its name and the version whose parser accepted the configs. lacks: why it cannot do a stage, or None.

    setup: the commands that install it. note: what its user should know.
    """

    title: str
    setup: str
    note: str
    lacks: Callable[[Plan, Stage], str | None]
    made: Callable[[Ready], Made]
