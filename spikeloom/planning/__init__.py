"""Before anything is synthesized: what a layer takes, and foldings that are chosen for a rate.

A design whose folding is left open asks the planner of its kind when it is loaded
(:func:`spikeloom.kinds.planner`): for ``kind = "network"`` that is
:mod:`spikeloom.planning.network`.
"""

from spikeloom.planning.cells import network_cells
from spikeloom.planning.folded import Folded, foldings, is_hopeless, room, weight_bits
from spikeloom.planning.layer import memory_use, plan
from spikeloom.planning.network import fastest, settle, smallest
from spikeloom.planning.proposals import Proposal, proposals

__all__ = [
    "Folded",
    "Proposal",
    "fastest",
    "foldings",
    "is_hopeless",
    "memory_use",
    "network_cells",
    "plan",
    "proposals",
    "room",
    "settle",
    "smallest",
    "weight_bits",
]
