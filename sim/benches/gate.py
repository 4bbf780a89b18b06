"""cocotb bench of :class:`spikeloom.hdl.similarity.gate.GatedSimilarity`.

Case: ``design``, ``latency``.
"""

from typing import Any

import cocotb
import numpy as np

from spikeloom.golden.gate import gated
from spikeloom.golden.similarity import scores
from spikeloom.sim.benches.units import case, design, drive_rows, start_clock

__all__ = ["equals_golden"]


@cocotb.test()
async def equals_golden(dut: Any) -> None:
    """Pairs of words of every density, one a cycle."""
    made = design()
    width = len(dut.q)
    rng = np.random.default_rng(width)
    pairs = np.zeros((400, 2, width), dtype=np.uint8)
    for n, pair in enumerate(pairs):
        pair[:] = rng.random((2, width)) < rng.choice([0.0, 0.05, 0.2, 0.5, 0.95, 1.0], (2, 1))
        if n % 4 == 0:
            pair[1] = pair[0]
    expected = [int(gated(scores(q[None], k[None], made), made)[0, 0]) for q, k in pairs]
    words = [[int("".join(map(str, x[::-1])), 2) for x in pair] for pair in pairs]
    await start_clock(dut)
    got = await drive_rows(dut, [{"q": q, "k": k} for q, k in words], latency=case()["latency"])
    for n, (bit, want) in enumerate(zip(got, expected, strict=True)):
        assert bit == want, f"pair {n}: {bit} must be {want}"
