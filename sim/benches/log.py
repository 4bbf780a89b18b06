"""cocotb bench of :class:`spikeloom.hdl.position.pair.PairBias`. Case: ``design``, ``latency``."""

import itertools
from typing import Any

import cocotb
import numpy as np

from spikeloom.golden.position.log import bias_matrix
from spikeloom.sim.benches.units import case, design, drive_rows, start_clock

__all__ = ["equals_golden"]


@cocotb.test()
async def equals_golden(dut: Any) -> None:
    """Every pair of tokens of a short layer, the first row and random pairs of a long one."""
    made = design()
    matrix = bias_matrix(made)
    rng = np.random.default_rng(0)
    pairs: list[tuple[int, int]] = [(0, j) for j in range(made.tokens)]
    pairs += [(int(i), int(j)) for i, j in rng.integers(0, made.tokens, (300, 2))]
    if made.tokens <= 20:
        pairs += itertools.product(range(made.tokens), range(made.tokens))
    await start_clock(dut)
    got = await drive_rows(dut, [{"i": i, "j": j} for i, j in pairs], latency=case()["latency"])
    for (i, j), bias in zip(pairs, got, strict=True):
        assert bias == matrix[i, j], f"bias of {i}, {j} must be {matrix[i, j]}, not {bias}"
