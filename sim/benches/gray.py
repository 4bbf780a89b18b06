"""cocotb bench of :class:`spikeloom.hdl.position.gray.TokenCode`. Case: ``design``, ``latency``."""

from typing import Any

import cocotb
import numpy as np

from spikeloom.golden.position.gray import code_words
from spikeloom.sim.benches.units import case, design, drive_rows, start_clock

__all__ = ["codes_of_two_heads"]


@cocotb.test()
async def codes_of_two_heads(dut: Any) -> None:
    """All tokens in order and at random, step after step, through two heads."""
    made = design()
    rng = np.random.default_rng(0)
    rows, expected = [], []
    for step in [*range(made.steps)] * 2:
        words = code_words(made, step)
        order = [*range(made.tokens), *(int(n) for n in rng.integers(made.tokens, size=20))]
        rows += [{"token": token, "done": 0} for token in order]
        rows[-1]["done"] = 1
        expected += [words[token] for token in order]
    await start_clock(dut)
    got = await drive_rows(dut, rows, latency=case()["latency"])
    for n, (word, want) in enumerate(zip(got, expected, strict=True)):
        assert word == want, f"row {n}, {rows[n]}: {word:#b} must be {want:#b}"
