"""cocotb benches of the units of :mod:`spikeloom.hdl.position.rotate`.

Case: ``design``; the unit under test is told by its ports.
"""

from typing import Any

import cocotb
import numpy as np

from spikeloom.golden.position.shift import rotate, schedule
from spikeloom.sim.benches.units import design, drive_rows, settle_rows, start_clock

__all__ = ["amounts_of_all_tokens", "groups_rotate"]


def _is_schedule(dut: Any) -> bool:
    return hasattr(dut, "token")


@cocotb.test()
async def amounts_of_all_tokens(dut: Any) -> None:
    """The schedule ROM gives every token its row, in any order; other units pass."""
    if not _is_schedule(dut):
        return
    made = design()
    table = schedule(made)
    rng = np.random.default_rng(0)
    tokens = [*range(made.tokens), *(int(n) for n in rng.integers(made.tokens, size=100))]
    await start_clock(dut)
    rows = [{"token": token} for token in tokens]
    got = await drive_rows(dut, rows, latency=1, output="amounts")
    bits = (made.shift.group_dim(made) - 1).bit_length()
    for token, word in zip(tokens, got, strict=True):
        amounts = [word >> bits * g & (1 << bits) - 1 for g in range(made.shift.groups)]
        assert amounts == table[:, token].tolist(), f"token {token}: {amounts}"


@cocotb.test()
async def groups_rotate(dut: Any) -> None:
    """The group shifter rotates random tokens by every amount; other units pass."""
    if _is_schedule(dut):
        return
    made = design()
    groups, width, channels = made.shift.groups, made.shift.group_dim(made), made.head_dim
    rng = np.random.default_rng(1)
    count = 40 * width
    x = rng.integers(0, 2, (count, channels), dtype=np.uint8)
    amounts = rng.integers(0, width, (groups, count))
    amounts[0] = np.arange(count) % width
    bits = (width - 1).bit_length()
    rows = [
        {
            "i": sum(int(bit) << c for c, bit in enumerate(x[n])),
            "amounts": sum(int(amount) << bits * g for g, amount in enumerate(amounts[:, n])),
        }
        for n in range(count)
    ]
    got = await settle_rows(dut, rows)
    expected = rotate(x, amounts)
    for n, word in enumerate(got):
        assert [word >> c & 1 for c in range(channels)] == expected[n].tolist(), f"row {n}"
