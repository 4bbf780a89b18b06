"""cocotb bench of :class:`spikeloom.hdl.similarity.alpha.AlphaSimilarity`.

Case: ``kappas``, ``alpha_bits``, ``saturate``, ``latency``.
"""

from typing import Any

import cocotb
import numpy as np

from spikeloom.golden.similarity import Similarity, scores
from spikeloom.sim.benches.units import case, drive_rows, start_clock

__all__ = ["equals_golden"]


@cocotb.test()
async def equals_golden(dut: Any) -> None:
    """Pairs of words of every density, one a cycle, with every weight in turn."""
    given = case()
    width = len(dut.q)
    rng = np.random.default_rng(width)
    await start_clock(dut)
    for kappa in given["kappas"]:
        rates = rng.choice([0.0, 0.05, 0.2, 0.5, 0.95, 1.0], (100, 2, 1))
        pairs = (rng.random((100, 2, width)) < rates).astype(np.uint8)
        how = Similarity("alpha-xnor", kappa, given["alpha_bits"])
        expected = [int(scores(q[None], k[None], how)[0, 0]) for q, k in pairs]
        if given["saturate"] is not None:
            expected = [min(score, given["saturate"]) for score in expected]
        words = [[int("".join(map(str, x[::-1])), 2) for x in pair] for pair in pairs]
        rows = [{"q": q, "k": k, "weight": kappa} for q, k in words]
        got = await drive_rows(dut, rows, latency=given["latency"])
        for n, (score, want) in enumerate(zip(got, expected, strict=True)):
            assert score == want, f"pair {n}: {score:#x} must be {want:#x} with {kappa}"
