"""The neurons of a pass: what accumulators start from, which of them fire, what is kept."""

from collections.abc import Sequence
from typing import Final

from amaranth.hdl import Cat, Module, Signal, Value, ValueLike

from spikeloom.hdl.neuron.format import NeuronFormat
from spikeloom.hdl.neuron.pieces import NeuronFire, NeuronPreset

__all__ = ["NeuronBank"]


class NeuronBank:
    """Neurons side by side, one a lane, around accumulators that an engine adds to.

    Parts of the engine's own module: ``preset0`` and ``fire0`` for the first lane, and so on. With
    ``cells`` there are none: accumulators are those of
    :class:`~spikeloom.hdl.neuron.lane.SaturatingLane`, whose membrane is what lies above their
    lowest bit, and whose sticky bit is kept with it and clears it when it is read.

    Combinational, latency 0. Cost: as :class:`~spikeloom.hdl.neuron.pieces.NeuronPreset` and
    :class:`~spikeloom.hdl.neuron.pieces.NeuronFire` a lane; with ``cells`` a gate a bit.

    Parameters
    ----------
    m : Module
        Body of the engine.
    fmt : NeuronFormat
        Layout of the neurons.
    lanes : int
        Neurons.
    cells : bool
        Whether accumulators are built from iCE40 cells.
    offset : Value or int
        Offset of the head at work; looked at where heads have their own.
    """

    def __init__(
        self,
        m: Module,
        fmt: NeuronFormat,
        lanes: int,
        *,
        cells: bool = False,
        offset: ValueLike = 0,
    ):
        self._m: Final = m
        self._format: Final = fmt
        self._lanes: Final = lanes
        self._cells: Final = cells
        self._offset: Final = offset

    @property
    def bits(self) -> int:
        """Bits that a lane keeps from step to step."""
        return self._format.kept_bits(cells=self._cells)

    def start(self, lane: int, words: Value, first: ValueLike) -> Value:
        """Return what the accumulator of a lane starts from.

        Parameters
        ----------
        lane : int
            Lane.
        words : Value
            What all lanes kept.
        first : Value or int
            Whether nothing is kept yet; not looked at with ``cells``, which read zeros then.
        """
        membrane = words.word_select(lane, self.bits)
        if self._cells:
            return membrane[:-1] & ~membrane[-1].replicate(self.bits - 1)
        fmt = self._format
        preset = NeuronPreset(fmt)
        self._m.submodules[f"preset{lane}"] = preset
        if fmt.by_head and not fmt.apart:
            self._m.d.comb += preset.offset.eq(self._offset)
        self._m.d.comb += [preset.membrane.eq(membrane), preset.first.eq(first)]
        return preset.acc

    def fire(self, accs: Sequence[Value], kept: Value | None) -> Value:
        """Return the spikes of finished accumulators, a bit a lane.

        Parameters
        ----------
        accs : sequence of Value
            Accumulators of the lanes.
        kept : Value or None
            What is to be kept of all lanes, which this drives.
        """
        fmt, spikes = self._format, Signal(self._lanes, name="spikes")
        if self._cells:
            if kept is not None:
                self._m.d.comb += kept.eq(Cat(acc[1:] for acc in accs))
            return Cat(acc[-1] for acc in accs)
        for lane, acc in enumerate(accs):
            fire = NeuronFire(fmt)
            self._m.submodules[f"fire{lane}"] = fire
            self._m.d.comb += [fire.acc.eq(acc), spikes[lane].eq(fire.spike)]
            if fmt.by_head:
                self._m.d.comb += fire.offset.eq(self._offset)
            if kept is not None:
                self._m.d.comb += kept.word_select(lane, self.bits).eq(fire.membrane)
        return spikes
