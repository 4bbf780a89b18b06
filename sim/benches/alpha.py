"""cocotb bench of :class:`spikeloom.hdl.similarity.alpha.AlphaSimilarity`.

Case: ``ones``, ``zeros`` (all worths of a pair of zeros), ``each``, ``saturate``, ``latency``.
"""

from typing import Any

import cocotb
import numpy as np

from spikeloom.golden.similarity import Similarity, scores
from spikeloom.sim.benches.units import case, drive_rows, start_clock, words_of

__all__ = ["equals_golden"]


@cocotb.test()
async def equals_golden(dut: Any) -> None:
    """Pairs of words of every density, one a cycle, with every weight in turn."""
    given = case()
    width = len(dut.q)
    rng = np.random.default_rng(width)
    await start_clock(dut)
    for zeros in given["zeros"]:
        rates = rng.choice([0.0, 0.05, 0.2, 0.5, 0.95, 1.0], (100, 2, 1))
        pairs = (rng.random((100, 2, width)) < rates).astype(np.uint8)
        how = Similarity(given["ones"], zeros, given["each"])
        expected = [int(scores(q[None], k[None], how)[0, 0]) for q, k in pairs]
        if given["saturate"] is not None:
            expected = [min(score, given["saturate"]) for score in expected]
        rows = [{"q": q, "k": k, "weight": zeros} for q, k in words_of(pairs)]
        got = await drive_rows(dut, rows, latency=given["latency"])
        mask = (1 << len(dut.o)) - 1
        for n, (score, want) in enumerate(zip(got, expected, strict=True)):
            message = f"pair {n}: {score:#x} must be {want & mask:#x} ({want}) with {zeros}"
            assert score == want & mask, message
