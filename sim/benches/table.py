"""cocotb bench of :class:`spikeloom.hdl.position.pair.PairBias`.

Case: ``design``, ``latency``.
"""

import itertools
from typing import Any

import cocotb
import numpy as np

from spikeloom.golden.position.table import bias_matrix
from spikeloom.sim.benches.units import case, design, drive_rows, start_clock

__all__ = ["equals_golden"]


@cocotb.test()
async def equals_golden(dut: Any) -> None:
    """Every pair of tokens in every head."""
    made = design()
    matrices = np.stack([bias_matrix(made, head) for head in range(made.heads)])
    triples = list(itertools.product(range(made.heads), *[range(made.tokens)] * 2))
    # A port that the unit has no use for may be missing from its Verilog.
    rows = [
        {name: value for name, value in zip("hij", triple, strict=True) if name != "h"}
        | ({"head": triple[0]} if hasattr(dut, "head") else {})
        for triple in triples
    ]
    await start_clock(dut)
    got = await drive_rows(dut, rows, latency=case()["latency"])
    mask = (1 << len(dut.o)) - 1
    for (h, i, j), bias in zip(triples, got, strict=True):
        want = int(matrices[h, i, j]) & mask
        assert bias == want, f"bias of head {h}, {i}, {j} must be {want:#x}, not {bias:#x}"
