"""What the cocotb benches of the units share: their case, and rows of inputs in and outputs out."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer
from numpy.typing import NDArray

from spikeloom.design.attention.design import AttentionDesign

__all__ = [
    "CASE",
    "case",
    "design",
    "draw_pairs",
    "drive_rows",
    "settle_rows",
    "start_clock",
    "words_of",
]

CASE = "SPIKELOOM_CASE"
"""Environment variable with the JSON text of a case: the parameters of the unit under test."""


def case() -> dict[str, Any]:
    """Read the case of this run; without one, no parameters."""
    read: dict[str, Any] = json.loads(os.environ.get(CASE, "{}"))
    return read


def design() -> AttentionDesign:
    """Make the design of the case, its key ``design``."""
    return AttentionDesign.from_dict(case()["design"])


def draw_pairs(width: int) -> NDArray[np.uint8]:
    """Draw 400 pairs of words of every density as bits, (400, 2, width); each fourth are equal."""
    rng = np.random.default_rng(width)
    pairs = np.zeros((400, 2, width), dtype=np.uint8)
    for n, pair in enumerate(pairs):
        pair[:] = rng.random((2, width)) < rng.choice([0.0, 0.05, 0.2, 0.5, 0.95, 1.0], (2, 1))
        if n % 4 == 0:
            pair[1] = pair[0]
    return pairs


def words_of(pairs: NDArray[np.uint8]) -> list[list[int]]:
    """Return pairs of words as integers, channel 0 the low bit."""
    return [[int("".join(map(str, x[::-1])), 2) for x in pair] for pair in pairs]


async def start_clock(dut: Any) -> None:
    """Start the clock, with the reset low where there is one: registers start at their values.

    The first rising edge comes half a cycle later, so that inputs set now are there in time.
    """
    if hasattr(dut, "rst"):
        dut.rst.value = 0
    # The change from undefined to low is a falling edge too, and must be over.
    dut.clk.value = 0
    await Timer(1, unit="ns")
    Clock(dut.clk, 10, unit="ns").start(start_high=False)


async def drive_rows(
    dut: Any, rows: Sequence[Mapping[str, int]], *, latency: int, output: str = "o"
) -> list[int]:
    """Feed a pipeline a row of inputs a cycle; return the output ``latency`` cycles after each.

    Inputs change and outputs are read in the middle of a cycle. An output with an undefined bit
    is an error, so nothing unwritten can pass as zero.

    Parameters
    ----------
    dut : handle
        The unit, with its clock running.
    rows : sequence of dict
        Input values by port name; the last row is held while its outputs are waited for.
    latency : int
        Cycles from a row to its output.
    output : str
        Port to read.
    """
    answers = []
    for cycle in range(len(rows) + latency):
        # The first row must not wait: registers would take undefined inputs before it.
        if cycle:
            await FallingEdge(dut.clk)
        if cycle >= latency:
            answers.append(int(getattr(dut, output).value))
        for name, value in rows[min(cycle, len(rows) - 1)].items():
            getattr(dut, name).value = value
    return answers


async def settle_rows(
    dut: Any, rows: Sequence[Mapping[str, int]], *, output: str = "o"
) -> list[int]:
    """Set each row of inputs of a combinational unit and return its output.

    Parameters
    ----------
    dut : handle
        The unit, which has no clock.
    rows : sequence of dict
        Input values by port name.
    output : str
        Port to read.
    """
    answers = []
    for row in rows:
        for name, value in row.items():
            getattr(dut, name).value = value
        await Timer(1, unit="ns")
        answers.append(int(getattr(dut, output).value))
    return answers
