"""cocotb bench of :class:`spikeloom.hdl.position.cpg.CpgRom`.

Case: ``positions``, ``neurons``, ``w_max``, ``latency``.
"""

from typing import Any

import cocotb
import numpy as np

from spikeloom.golden.position.cpg import code_words
from spikeloom.sim.benches.units import case, drive_rows, start_clock

__all__ = ["positions_at_random"]


@cocotb.test()
async def positions_at_random(dut: Any) -> None:
    """All positions in order, then at random."""
    made = case()
    words = code_words(made["positions"], made["neurons"], made["w_max"])
    rng = np.random.default_rng(0)
    order = [*range(len(words)), *(int(n) for n in rng.integers(len(words), size=100))]
    await start_clock(dut)
    rows = [{"position": position} for position in order]
    got = await drive_rows(dut, rows, latency=made["latency"])
    for position, word in zip(order, got, strict=True):
        assert word == words[position], f"{position}: {word:#b} must be {words[position]:#b}"
