"""Run a stimulus through a layer in Amaranth's own simulator: slow, and needs nothing."""

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import amaranth.hdl
import numpy as np
from amaranth.hdl import Cat
from amaranth.sim import Simulator

from spikeloom.sim.traffic import SimulationError, Stimulus, Traffic

__all__ = ["add_clock", "run_pysim"]


def add_clock(sim: Simulator, mhz: float = 1.0) -> None:
    """Clock the ``sync`` domain, in any version of Amaranth.

    Parameters
    ----------
    sim : Simulator
        Simulator without a clock for ``sync``.
    mhz : float
        Frequency.
    """
    # Amaranth 0.6 measures time in Period and warns about floats.
    period = getattr(amaranth.hdl, "Period", None)
    sim.add_clock(1e-6 / mhz if period is None else period(MHz=mhz))


def run_pysim(dut: Any, stimulus: Stimulus, *, trace: Path | None = None) -> Traffic:
    """Send the inferences of ``stimulus`` through a component.

    Parameters
    ----------
    dut : wiring.Component
        A component with the ports of :class:`spikeloom.hdl.top.AxiStreamTop`. It may hold no cell
        of a device, since Amaranth does not know what those do.
    stimulus : Stimulus
        What to send.
    trace : Path or None
        VCD file to write.

    Raises
    ------
    SimulationError
        The design broke the stream protocol or got stuck.
    """
    beats, ends = stimulus.beats.tolist(), stimulus.ends.tolist()
    lasts, firsts = {end - 1 for end in ends}, {0, *ends}
    total_out = len(ends) * stimulus.out_beats
    answer: list[int] = []
    first_in: list[int] = []
    last_out: list[int] = []
    faults: list[str] = []
    count = {"busy": 0, "cycle": 0}

    # Every call into the simulator costs as much as a small design's cycle: one sets all inputs.
    inputs = Cat(dut.s_axis_tdata, dut.s_axis_tlast, dut.s_axis_tvalid, dut.m_axis_tready)
    width = len(dut.s_axis_tdata)

    def rest(index: int) -> int:
        """Draw the cycles for which a beat is held back."""
        draw, cycles = random.Random((stimulus.seed << 40) + 2 * index), 0
        while draw.random() < stimulus.stalls:
            cycles += 1
        return cycles

    async def testbench(ctx: Any) -> None:
        draw = random.Random((stimulus.seed << 40) + 1)
        sent = quiet = silent = beat = now = 0
        waits = rest(0)
        held: tuple[int, int] | None = None
        drain = 64
        while drain:
            ready = draw.random() >= stimulus.stalls
            offers = sent < len(beats) and not waits
            if offers:
                beat = beats[sent] | (sent in lasts) << width
            before, now = now, beat | offers << width + 1 | ready << width + 2
            if now != before:
                ctx.set(inputs, now)
            _, _, taken, valid, data, last, busy = await ctx.tick().sample(
                *(dut.s_axis_tready, dut.m_axis_tvalid, dut.m_axis_tdata, dut.m_axis_tlast),
                dut.busy,
            )
            if held is not None and not valid:
                faults.append("a beat once offered must stay valid, and was taken back")
            elif held is not None and held != (data, last):
                faults.append("a beat once offered must not change, and did")
            elif valid and len(answer) == total_out:
                faults.append("the design must be silent after the last beat, and offers another")
            elif valid and last != ((len(answer) + 1) % stimulus.out_beats == 0):
                faults.append(f"tlast is {last} on beat {len(answer)}")
            held = (data, last) if valid and not ready else None
            accepted = bool(offers and taken)
            if accepted:
                if sent in firsts:
                    first_in.append(count["cycle"])
                sent += 1
                waits = rest(sent)
            elif waits:
                waits -= 1
            if valid and ready:
                answer.append(data)
                if len(answer) % stimulus.out_beats == 0:
                    last_out.append(count["cycle"])
            silent = 0 if accepted or (valid and ready) else silent + 1
            quiet = 0 if silent == 0 or busy else quiet + 1
            stuck = quiet > stimulus.patience or silent > stimulus.work
            if stuck and len(answer) < total_out:
                faults.append("the design is stuck")
            if faults:
                return
            count["busy"] += busy
            count["cycle"] += 1
            drain -= len(answer) == total_out

    sim = Simulator(dut)
    add_clock(sim)
    sim.add_testbench(testbench)
    with _tracing(sim, trace):
        sim.run()
    if faults:
        raise SimulationError(f"cycle {count['cycle']}: {faults[0]}")
    return Traffic(
        frames=np.array(answer, dtype=np.uint64).reshape(len(ends), -1),
        first_in=tuple(first_in),
        last_out=tuple(last_out),
        busy=count["busy"],
        total=count["cycle"],
    )


@contextlib.contextmanager
def _tracing(sim: Simulator, trace: Path | None) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        if trace is not None:
            stack.enter_context(sim.write_vcd(str(trace)))
        yield
