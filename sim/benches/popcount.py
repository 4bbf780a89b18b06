"""cocotb bench of :class:`spikeloom.hdl.popcount.popcount.Popcount`. Case: ``latency``."""

import random
from typing import Any

import cocotb

from spikeloom.sim.benches.units import case, drive_rows, settle_rows, start_clock

__all__ = ["counts"]


@cocotb.test()
async def counts(dut: Any) -> None:
    """Every word of a narrow unit, and sparse, dense and random words of a wide one."""
    width, latency = len(dut.i), case()["latency"]
    draw = random.Random(width)
    words = [0, (1 << width) - 1, *(1 << bit for bit in range(width))]
    if width <= 10:
        words += range(1 << width)
    words += [draw.getrandbits(width) for _ in range(300)]
    words += [draw.getrandbits(width) & draw.getrandbits(width) for _ in range(100)]
    rows = [{"i": word} for word in words]
    if latency:
        await start_clock(dut)
        got = await drive_rows(dut, rows, latency=latency)
    else:
        got = await settle_rows(dut, rows)
    for word, count in zip(words, got, strict=True):
        assert count == word.bit_count(), f"{word:#x} has {word.bit_count()} bits, not {count}"
