"""cocotb bench of a layer through its AXI4-Stream ports, with stalls on both sides.

Run by :mod:`spikeloom.sim.events`, which names the file with the stimulus in the environment.
"""

import os
import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NoReturn

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

__all__ = ["ANSWER", "STIMULUS", "inferences"]

STIMULUS = "SPIKELOOM_STIMULUS"
ANSWER = "SPIKELOOM_ANSWER"


class _Monitor:
    """Watches both streams, cycle by cycle, and keeps count."""

    def __init__(self, dut: Any, ends: list[int], out_beats: int, patience: int, work: int):
        self.dut = dut
        self.firsts, self.out_beats = {0, *ends}, out_beats
        self.patience, self.work = patience, work
        self.total = len(ends) * out_beats
        self.cycle = self.busy = self.sent = self.received = 0
        self.first_in: list[int] = []
        self.last_out: list[int] = []

    async def run(self) -> NoReturn:
        """Check the stream rules in every cycle; ends only by a failed check."""
        dut = self.dut
        held: tuple[int, int] | None = None
        quiet = silent = 0
        while True:
            # In the middle of a cycle everything has settled.
            await FallingEdge(dut.clk)
            accepted = bool(int(dut.s_axis_tvalid.value) and int(dut.s_axis_tready.value))
            valid = bool(int(dut.m_axis_tvalid.value))
            delivered = valid and bool(int(dut.m_axis_tready.value))
            working = bool(int(dut.busy.value))
            where = f"cycle {self.cycle}"
            if held is not None:
                assert valid, f"{where}: a beat once offered must stay valid, and was taken back"
            if valid:
                beat = (int(dut.m_axis_tdata.value), int(dut.m_axis_tlast.value))
                assert held is None or beat == held, f"{where}: an offered beat changed"
                held = None if delivered else beat
                ends = (self.received + 1) % self.out_beats == 0
                assert beat[1] == ends, f"{where}: tlast is {beat[1]} on beat {self.received}"
            if accepted:
                if self.sent in self.firsts:
                    self.first_in.append(self.cycle)
                self.sent += 1
            if delivered:
                self.received += 1
                if self.received % self.out_beats == 0:
                    self.last_out.append(self.cycle)
            self.busy += working
            silent = 0 if accepted or delivered else silent + 1
            quiet = 0 if silent == 0 or working else quiet + 1
            stuck = quiet > self.patience or silent > self.work
            assert not stuck or self.received >= self.total, f"{where}: stuck"
            self.cycle += 1


def _pauses(stalls: float, seed: int) -> Iterator[bool]:
    draw = random.Random(seed)
    while True:
        yield draw.random() < stalls


@cocotb.test()
async def inferences(dut: Any) -> None:
    """Send all inferences at once, one straight after the other, and write down the answers."""
    with np.load(os.environ[STIMULUS]) as file:
        beats, ends = file["beats"].tolist(), file["ends"].tolist()
        out_beats = int(file["out_beats"])
        stalls, seed = float(file["stalls"]), int(file["seed"])
        patience, work = int(file["patience"]), int(file["work"])
        reset = int(file["reset"])
    for signal in (dut.s_axis_tvalid, dut.s_axis_tdata, dut.s_axis_tlast, dut.m_axis_tready):
        signal.value = 0
    dut.rst.value = 1
    Clock(dut.clk, 10, unit="ns").start()
    for _ in range(reset):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.clk)
    # One lane: a beat is a number, whatever its width.
    source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.clk, byte_lanes=1)
    sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.clk, byte_lanes=1)

    monitor = _Monitor(dut, ends, out_beats, patience, work)
    watch = cocotb.start_soon(monitor.run())
    if stalls:
        source.set_pause_generator(_pauses(stalls, 2 * seed))
        sink.set_pause_generator(_pauses(stalls, 2 * seed + 1))
    for start, end in pairwise([0, *ends]):
        await source.send(AxiStreamFrame(tdata=beats[start:end]))
    answers = [list((await sink.recv()).tdata) for _ in ends]
    # A surplus beat would come now.
    for _ in range(64):
        await RisingEdge(dut.clk)
    assert not watch.done(), "the monitor ended early"
    assert monitor.received == len(ends) * out_beats, f"{monitor.received} beats came"
    np.savez(
        os.environ[ANSWER],
        frames=np.array(answers, dtype=np.uint64),
        first_in=monitor.first_in,
        last_out=monitor.last_out,
        busy=monitor.busy,
        total=monitor.cycle,
    )
