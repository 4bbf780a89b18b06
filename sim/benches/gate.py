"""cocotb bench of :class:`spikeloom.hdl.similarity.gate.GatedSimilarity`.

Case: ``design``, ``latency``.
"""

from typing import Any

import cocotb

from spikeloom.golden.gate import gated
from spikeloom.golden.similarity import scores
from spikeloom.sim.benches.units import case, design, draw_pairs, drive_rows, start_clock, words_of

__all__ = ["equals_golden"]


@cocotb.test()
async def equals_golden(dut: Any) -> None:
    """Pairs of words of every density, one a cycle."""
    made = design()
    pairs = draw_pairs(len(dut.q))
    expected = [int(gated(scores(q[None], k[None], made), made)[0, 0]) for q, k in pairs]
    await start_clock(dut)
    got = await drive_rows(
        dut, [{"q": q, "k": k} for q, k in words_of(pairs)], latency=case()["latency"]
    )
    for n, (bit, want) in enumerate(zip(got, expected, strict=True)):
        assert bit == want, f"pair {n}: {bit} must be {want}"
