"""The neurons of a network: all time steps of one channel of one token, one behind the other."""

from typing import Final

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from spikeloom.golden.neuron import NeuronSpec
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.network.geometry import HALVES
from spikeloom.hdl.network.program.widths import Widths

__all__ = ["StepNeurons"]


class StepNeurons(Component):
    """Neurons that shift their membrane, unrolled over the time steps.

    Takes the sums of all steps in a cycle, gives the spikes of all of them ``latency`` cycles
    later, and stores nothing between tokens. Checked against
    :func:`spikeloom.golden.network.formula.lif`.

    Parameters
    ----------
    steps : int
        Time steps.
    fraction : int
        Fraction bits of the membrane, which sums do not have.
    widths : Widths
        Bits of the numbers.
    steady : bool
        Whether threshold and whole stay as they are until the spikes are there.
    unit : NeuronSpec
        The neuron, whatever its threshold; its divisor is a power of two, and keep is 1.

    Members
    -------
    sums : In(signed(total)), one a step
        Sums.
    bias : In(signed(bias)), threshold : In(threshold), whole : In(1)
        Of the channel, with the sums; whole: membranes have no fraction, or with another neuron
        than that of tau 2 and a hard reset are not kept at all.
    spikes : Out(steps)
        Spikes, one bit a step.
    """

    def __init__(
        self,
        steps: int,
        fraction: int,
        widths: Widths,
        *,
        steady: bool = False,
        unit: NeuronSpec = HALVES,
    ):
        self.steps: Final = steps
        self.unit: Final = unit
        self.steady: Final = steady
        self.fraction: Final = fraction
        self.widths: Final = widths
        super().__init__(
            {
                **{f"sum{t}": In(signed(widths.total)) for t in range(steps)},
                "bias": In(signed(widths.bias)),
                "threshold": In(widths.threshold),
                "whole": In(1),
                "spikes": Out(steps),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from sums to spikes."""
        return 1 + self.steps

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wide = self.widths
        drives = []
        for t in range(self.steps):
            drive = Signal(signed(wide.drive), name=f"drive{t}_0", reset_less=True)
            m.d.sync += drive.eq((getattr(self, f"sum{t}") << self.fraction) + self.bias)
            for n in range(t):
                later = Signal.like(drive, name=f"drive{t}_{n + 1}")
                m.d.sync += later.eq(drive)
                drive = later
            drives.append(drive)

        membrane: Signal | None = None
        threshold, whole = self.threshold, self.whole
        fired: list[Signal] = []
        for t, drive in enumerate(drives):
            if not self.steady:
                # Of the channel as it was when its sums came: what follows may be another.
                kept, kept_whole = Signal.like(threshold), Signal(name=f"whole{t}")
                m.d.sync += [kept.eq(threshold), kept_whole.eq(whole)]
                threshold, whole = kept, kept_whole
            full = Signal(signed(wide.membrane), name=f"full{t}")
            m.d.comb += full.eq(drive if membrane is None else drive + membrane)
            spike = Signal(name=f"spike{t}")
            m.d.comb += spike.eq(full >= threshold)
            fired = [self._later(m, one, f"late{t}_{n}") for n, one in enumerate([*fired, spike])]
            if t < self.steps - 1:
                left = self._left(m, t, full, spike, threshold, whole)
                membrane = Signal(signed(wide.membrane), name=f"membrane{t}", reset_less=True)
                m.d.sync += membrane.eq(left)
        for t, spike in enumerate(fired):
            m.d.comb += self.spikes[t].eq(spike)
        return m

    def _left(
        self, m: Module, t: int, full: Signal, spike: Signal, threshold: Value, whole: Value
    ) -> Value:
        """Return what is left of a membrane."""
        unit = self.unit
        half = Signal(signed(self.widths.membrane), name=f"half{t}")
        if unit == HALVES:
            m.d.comb += half.eq(full >> 1)
            for n in range(self.fraction):
                m.d.comb += half[n].eq(full[n + 1] & ~whole)
            return Mux(spike, 0, half)
        rest: Value = full
        if unit.reset == "soft":
            rest = Mux(spike, full - threshold + int(unit.up), full)
        m.d.comb += half.eq((rest + unit.rise) >> unit.shift)
        return Mux(whole | (spike if unit.reset == "hard" else 0), 0, half)

    @staticmethod
    def _later(m: Module, value: Signal, name: str) -> Signal:
        late = Signal(name=name, reset_less=True)
        m.d.sync += late.eq(value)
        return late
