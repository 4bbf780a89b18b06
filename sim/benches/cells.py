"""cocotb bench that drives random inputs into two models of the same cells and compares them."""

import random
from typing import Any

import cocotb
from cocotb.triggers import Timer

__all__ = ["alike"]


@cocotb.test()
async def alike(dut: Any) -> None:
    """The output ``equal`` is high whatever the inputs do.

    The top module has the inputs ``clk`` and ``drive``; bits of ``drive`` are constant over a
    rising edge of the clock.
    """
    draw = random.Random(1)
    width = len(dut.drive)
    dut.clk.value = 0
    for cycle in range(3000):
        dut.drive.value = draw.getrandbits(width)
        await Timer(5, unit="ns")
        dut.clk.value = 1
        await Timer(5, unit="ns")
        assert dut.equal.value == 1, f"cycle {cycle}: the models differ: {dut.differ.value}"
        dut.clk.value = 0
        await Timer(5, unit="ns")
        assert dut.equal.value == 1, f"cycle {cycle}: the models differ: {dut.differ.value}"
