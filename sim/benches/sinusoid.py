"""cocotb bench of :class:`spikeloom.hdl.position.sinusoid.SinusoidTable`. Case: its parameters."""

import itertools
from typing import Any

import cocotb

from spikeloom.golden.position.sinusoid import quantized, spikes
from spikeloom.sim.benches.units import case, drive_rows, start_clock

__all__ = ["equals_golden"]


@cocotb.test()
async def equals_golden(dut: Any) -> None:
    """Every word of every token."""
    given = case()
    tokens, dim, bits, lanes = (given[name] for name in ("tokens", "dim", "bits", "lanes"))
    table = quantized(tokens, dim, bits) if bits else spikes(tokens, dim)
    pairs = list(itertools.product(range(tokens), range(-(-dim // lanes))))
    # A port that the unit has no use for may be missing from its Verilog.
    rows = [{"token": t} | ({"word": n} if hasattr(dut, "word") else {}) for t, n in pairs]
    await start_clock(dut)
    got = await drive_rows(dut, rows, latency=1)
    size = max(1, bits)
    for (t, n), word in zip(pairs, got, strict=True):
        part = table[t, n * lanes : (n + 1) * lanes].tolist()
        want = sum(value << size * i for i, value in enumerate(part))
        assert word == want, f"word {n} of token {t} must be {want:#x}, not {word:#x}"
