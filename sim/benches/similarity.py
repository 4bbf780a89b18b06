"""cocotb bench of :class:`spikeloom.hdl.similarity.similarity.Similarity`.

Case: ``ones``, ``zeros``, ``each``, ``saturate``, ``latency``.
"""

from typing import Any

import cocotb

from spikeloom.golden.similarity import Similarity, scores
from spikeloom.sim.benches.units import case, draw_pairs, drive_rows, start_clock, words_of

__all__ = ["equals_golden"]


@cocotb.test()
async def equals_golden(dut: Any) -> None:
    """Pairs of words of every density, one a cycle."""
    given = case()
    pairs = draw_pairs(len(dut.q))
    how = Similarity(given["ones"], given["zeros"], given["each"])
    expected = [int(scores(q[None], k[None], how)[0, 0]) for q, k in pairs]
    if given["saturate"] is not None:
        expected = [min(score, given["saturate"]) for score in expected]
    await start_clock(dut)
    got = await drive_rows(
        dut, [{"q": q, "k": k} for q, k in words_of(pairs)], latency=given["latency"]
    )
    mask = (1 << len(dut.o)) - 1
    for n, (score, want) in enumerate(zip(got, expected, strict=True)):
        assert score == want & mask, f"pair {n}: {score:#x} must be {want & mask:#x} ({want})"
