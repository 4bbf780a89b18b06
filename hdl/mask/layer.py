"""A whole mask attention: beats of q and k (and v) in, the spikes that pass out."""

from collections.abc import Mapping
from typing import Any, Final

from amaranth.hdl import Module, Signal
from numpy.typing import ArrayLike

from spikeloom.design.mask import MaskDesign
from spikeloom.golden.mask import MaskModel
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.mask.channel import ChannelMask
from spikeloom.hdl.mask.token import TokenMask

__all__ = ["MaskLayer"]


class MaskLayer(LayerComponent):
    """Mask attention, all heads and time steps, from stream to stream, a beat a cycle.

    Nothing is loaded before it is worked on: a beat is summed, or masked and sent, when it is
    taken. Stalls on either side and gaps between beats change the timing and never the answer.

    Latency: 1 cycle from a beat that passes to the output; an inference takes a cycle for each of
    its beats in, whatever they hold. Checked against :func:`spikeloom.golden.mask.mask`.

    Parameters
    ----------
    design : MaskDesign
        The layer.

    Members
    -------
    i, o, busy
        As :class:`~spikeloom.hdl.frame.layer.LayerComponent`; busy while a beat is taken.
    """

    def __init__(self, design: MaskDesign):
        self.design: Final = design
        self._engine = TokenMask(design) if design.attention == "qk-token" else ChannelMask(design)
        super().__init__(design)

    @property
    def memories(self) -> tuple[MemoryShape, ...]:
        """Block memories of the layer."""
        words = self._engine.words
        return words.memories if words else ()

    def compute_cycles(self, arrays: Mapping[str, ArrayLike] | None = None) -> int:
        """Count the beats in of an inference, each of which is a cycle of work.

        They are ``H T N ceil(d/B)`` for each input, whatever the spikes.
        """
        return MaskModel(self.design).beats_in

    def _about(self) -> dict[str, Any]:
        return {"stateless": self._engine.plan.stateless}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.engine = engine = self._engine
        free, passed = Signal(), Signal()
        m.d.comb += [
            free.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(engine.ready & (~engine.passes | free)),
            engine.data.eq(self.i.payload.data),
            engine.en.eq(self.i.valid & self.i.ready),
            passed.eq(engine.en & engine.passes),
            self.busy.eq(engine.en),
        ]
        with m.If(free):
            m.d.sync += [
                self.o.valid.eq(passed),
                self.o.payload.data.eq(self.i.payload.data & engine.bits),
                self.o.payload.last.eq(engine.last),
            ]
        return m
