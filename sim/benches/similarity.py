"""cocotb bench of :class:`spikeloom.hdl.similarity.similarity.Similarity`.

Case: ``ones``, ``zeros``, ``each``, ``saturate``, ``latency``.
"""

from typing import Any

import cocotb
import numpy as np

from spikeloom.golden.similarity import Similarity, scores
from spikeloom.sim.benches.units import case, drive_rows, start_clock

__all__ = ["equals_golden"]


@cocotb.test()
async def equals_golden(dut: Any) -> None:
    """Pairs of words of every density, one a cycle."""
    given = case()
    width = len(dut.q)
    rng = np.random.default_rng(width)
    pairs = np.zeros((400, 2, width), dtype=np.uint8)
    for n, pair in enumerate(pairs):
        pair[:] = rng.random((2, width)) < rng.choice([0.0, 0.05, 0.2, 0.5, 0.95, 1.0], (2, 1))
        if n % 4 == 0:
            pair[1] = pair[0]
    how = Similarity(given["ones"], given["zeros"], given["each"])
    expected = [int(scores(q[None], k[None], how)[0, 0]) for q, k in pairs]
    if given["saturate"] is not None:
        expected = [min(score, given["saturate"]) for score in expected]
    weights = [1 << channel for channel in range(width)]
    words = [[sum(w for w, bit in zip(weights, x, strict=True) if bit) for x in p] for p in pairs]
    await start_clock(dut)
    got = await drive_rows(dut, [{"q": q, "k": k} for q, k in words], latency=given["latency"])
    mask = (1 << len(dut.o)) - 1
    for n, (score, want) in enumerate(zip(got, expected, strict=True)):
        assert score == want & mask, f"pair {n}: {score:#x} must be {want & mask:#x} ({want})"
