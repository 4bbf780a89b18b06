"""Heads in parallel: one engine for each of a group of heads, which start and end together."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from amaranth.hdl import Array, Cat, Module, Signal, Value
from amaranth.lib.wiring import flipped
from numpy.typing import ArrayLike

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.attention.beats import counts
from spikeloom.hdl.frame.counting import following, odometer
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.kinds import unused

__all__ = ["ParallelHeads", "head_of_group"]


def head_of_group(design: AttentionDesign, place: int) -> AttentionDesign:
    """Give the layer of every head that lies at one place of its group.

    The heads ``place``, ``place + P``, ... of a layer with P heads in parallel, as a layer of their
    own with one at a time.
    """
    side = design.folding.heads
    changes: dict[str, Any] = {
        "heads": design.heads // side,
        "dim": design.dim // side,
        "folding": design.folding.model_copy(update={"heads": 1}),
    }
    for key in ("scale", "alpha"):
        numbers = getattr(design, key)
        if isinstance(numbers, tuple):
            changes[key] = numbers[place::side]
    changes["norm"] = design.norm.of_heads(slice(place, None, side), design.head_dim)
    for part in design.parts:
        changes[part.NAME] = part.of_heads(slice(place, None, side))
    return design.model_copy(update=changes)


class ParallelHeads(LayerComponent):
    """Spiking self-attention with ``folding.heads`` heads at a time.

    Each place of a group has a whole :class:`~spikeloom.hdl.attention.layer.AttentionLayer` of its
    own, which sees the heads of its place as a layer. The beats of a run (a head and step) go to
    one place after the other and come from one after the other. All start a run when every place
    has its input and room for its output.

    Latency: a group and step takes as long as the longest of its heads; with heads that take
    equally long one inference computes for a P-th of the cycles. Cost: P times the layer, and two
    counters of beats. Loading is not in parallel: wide beats keep the engines fed.

    Parameters
    ----------
    design : AttentionDesign
        The layer.
    place : class
        What each place holds: :class:`~spikeloom.hdl.attention.layer.AttentionLayer`.

    Members
    -------
    i, o, busy
        As :class:`~spikeloom.hdl.frame.layer.LayerComponent`.
    """

    def __init__(self, design: AttentionDesign, place: Callable[..., Any]):
        self.design: Final = design
        self._side = design.folding.heads
        self._place = place
        self._places = [place(head_of_group(design, n), joined=True) for n in range(self._side)]
        super().__init__(design)

    @property
    def memories(self) -> tuple[MemoryShape, ...]:
        """Memories of all places."""
        return tuple(shape for place in self._places for shape in place.memories)

    def compute_cycles(self, arrays: Mapping[str, ArrayLike] | None = None) -> int:
        """Predict the cycles in which an engine works: of every group and step the longest."""
        runs = unused(self._place(self.design)).run_cycles(arrays)
        return int(runs.reshape(len(runs), -1, self._side).max(axis=2).sum())

    def manifest(self) -> dict[str, Any]:
        """Describe one place, and how many there are."""
        return {
            **self._places[0].manifest(),
            "heads_in_parallel": self._side,
            "compute_cycles": self.compute_cycles(),
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for index, place in enumerate(self._places):
            m.submodules[f"place{index}"] = place
        count = counts(self.design)
        source, sink = flipped(self.i), flipped(self.o)

        taker = self._turns(m, "taker", source.valid & source.ready, count.step)
        ready = Array(place.i.ready for place in self._places)
        m.d.comb += source.ready.eq(ready[taker])
        for index, place in enumerate(self._places):
            m.d.comb += [
                place.i.payload.eq(source.payload),
                place.i.valid.eq(source.valid & (taker == index)),
            ]

        giver = self._turns(m, "giver", sink.valid & sink.ready, count.out)
        valid = Array(place.o.valid for place in self._places)
        data = Array(place.o.payload.data for place in self._places)
        m.d.comb += [
            sink.valid.eq(valid[giver]),
            sink.payload.data.eq(data[giver]),
            # The last place ends an inference.
            sink.payload.last.eq(self._places[-1].o.payload.last & (giver == self._side - 1)),
        ]
        for index, place in enumerate(self._places):
            m.d.comb += place.o.ready.eq(sink.ready & (giver == index))

        go = Signal()
        m.d.comb += [
            go.eq(Cat(place.waits for place in self._places).all()),
            self.busy.eq(Cat(place.busy for place in self._places).any()),
        ]
        for place in self._places:
            m.d.comb += place.go.eq(go)
        return m

    def _turns(self, m: Module, name: str, step: Value, beats: int) -> Signal:
        """Say whose turn it is: the next place's after so many beats."""
        beat = Signal(range(beats), name=f"{name}_beat")
        place = Signal(range(self._side), name=name)
        with m.If(odometer(m, step, (beat, beats))):
            m.d.sync += place.eq(following(place, self._side))
        return place
