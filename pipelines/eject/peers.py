"""The peers that a plan can be ejected to: those whose own parser accepted the configs (docs/experiments.md)."""

from collections.abc import Mapping

from pipelines.eject.axolotl import AXOLOTL
from pipelines.eject.llamafactory import LLAMAFACTORY
from pipelines.eject.peer import Peer
from pipelines.eject.trl import TRL

PEERS: Mapping[str, Peer] = {"trl": TRL, "llamafactory": LLAMAFACTORY, "axolotl": AXOLOTL}
