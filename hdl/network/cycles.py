"""Cycles of a network, from its program."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from spikeloom.hdl.network.plan import NetworkPlan

__all__ = ["network_cycles"]


def network_cycles(plan: NetworkPlan, arrays: Mapping[str, ArrayLike] | None = None) -> int:
    """Predict the cycles from a sequence to its last number."""
    length = plan.design.tokens if arrays is None else int(np.asarray(arrays["length"]))
    rows = -(-length // plan.at_once)
    passes = sum(len(one.low) > 0 for one in plan.program.passes)
    return passes * max(rows, plan.shortest) + len(plan.program.words)
