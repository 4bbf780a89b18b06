"""cocotb bench of :class:`spikeloom.hdl.neuron.stream.Neuron`. Case: ``design``, ``channels``."""

import random
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, RisingEdge

from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import ranges
from spikeloom.sim.benches.units import case, design, start_clock

__all__ = ["equals_golden"]


@cocotb.test()
async def equals_golden(dut: Any) -> None:
    """Sequences of drives around the threshold and at the ends, with stalls on both sides."""
    made, channels = design(), case()["channels"]
    low, high = ranges(made).drive
    spec = NeuronSpec.from_design(made)
    near = 2 * (spec.threshold >> spec.fraction)
    rng = np.random.default_rng(channels)
    drives = rng.integers(max(low, -near), min(high, near) + 1, (60, made.steps, channels))
    drives[0], drives[1] = high, low
    expected = np.stack([spec.run(rows) for rows in drives]).reshape(-1, channels)
    words = [sum(int(bit) << n for n, bit in enumerate(row)) for row in expected]
    got: list[int] = []

    await start_clock(dut)
    dut.i__valid.value = 0
    dut.o__ready.value = 0
    await FallingEdge(dut.clk)
    receiver = cocotb.start_soon(_receive(dut, len(words), got))
    await _send(dut, drives.reshape(-1, channels))
    await receiver
    for n, (found, want) in enumerate(zip(got, words, strict=True)):
        assert found == want, f"spikes {n} must be {want:#x}, not {found:#x}"


async def _send(dut: Any, drives: Any) -> None:
    draw = random.Random(1)
    channels = drives.shape[1]
    bits = len(dut.i__payload) // channels
    for row in drives:
        while draw.random() < 0.3:
            await FallingEdge(dut.clk)
        packed = sum((int(x) & (1 << bits) - 1) << bits * n for n, x in enumerate(row))
        dut.i__payload.value = packed
        dut.i__valid.value = 1
        while True:
            await RisingEdge(dut.clk)
            taken = int(dut.i__ready.value)
            await FallingEdge(dut.clk)
            if taken:
                break
        dut.i__valid.value = 0


async def _receive(dut: Any, count: int, got: list[int]) -> None:
    draw = random.Random(2)
    while len(got) < count:
        dut.o__ready.value = draw.random() < 0.7
        await RisingEdge(dut.clk)
        if int(dut.o__valid.value) and int(dut.o__ready.value):
            got.append(int(dut.o__payload.value))
        await FallingEdge(dut.clk)
