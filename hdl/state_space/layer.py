"""A whole spiking state-space layer: beats of a sequence in, beats of spikes or of y out."""

from collections.abc import Mapping
from math import ceil
from typing import Final

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import connect, flipped
from amaranth.utils import ceil_log2
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.state_space.design import StateSpaceDesign
from spikeloom.hdl.frame.counting import delays, fit
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.frame.memory import add_block, add_memory
from spikeloom.hdl.frame.memory_map import EBR_SHAPES
from spikeloom.hdl.state_space.gate import StateSpaceGate
from spikeloom.hdl.state_space.plan import StateSpacePlan
from spikeloom.hdl.state_space.sequencer import StateSpaceSequencer
from spikeloom.hdl.state_space.sum import sum_of_products

__all__ = ["StateSpaceLayer"]


class StateSpaceLayer(LayerComponent):
    """A spiking state-space layer, token by token, from stream to stream.

    For each token the states decay one after the other; each set bit of the input adds its column
    of B to them; then each channel's row of C is multiplied with them and summed, and the gate
    makes a spike of it. States and membranes stay in memory from token to token, and count as zero
    for the first of an inference. The memory is the same for every length of the sequence.

    Latency, in cycles a token, with S states, P the larger of S and 12, D channels of w input bits
    of which E are set, L the latency of the sum of products (5 or 4, 3 with shift-add), n and k
    the bits of the coefficients of A and C::

        dsp:        S (L + 4) + D w + E (P + 1) + D P + L + 5
        shift-add:  S (L + 4 + n) + D w + E (P + 1) + D (P k + 1) + L + 5

    A cycle in which a beat is taken, or one is waited for on either side, does not count. Checked
    against :func:`spikeloom.golden.state_space.state_space`.

    Parameters
    ----------
    design : StateSpaceDesign
        The layer.

    Members
    -------
    i, o, busy
        As :class:`~spikeloom.hdl.frame.layer.LayerComponent`.
    """

    def __init__(self, design: StateSpaceDesign):
        self.design: Final = design
        self.plan: StateSpacePlan = StateSpacePlan(design)
        super().__init__(design)

    def compute_cycles(self, arrays: Mapping[str, ArrayLike] | None = None) -> int:
        """Predict the cycles in which the engine works in one inference.

        They depend on the bits set in the input; without any given, all are.
        """
        design, plan = self.design, self.plan
        if arrays is None:
            events = design.steps * design.dim * design.input_bits
        else:
            events = int(np.unpackbits(np.asarray(arrays["x"], dtype=np.uint8)).sum())
        scan = design.dim * design.input_bits
        token = design.state * plan.decay + scan + design.dim * plan.row + plan.tail
        return design.steps * token + events * (plan.places + 1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design, plan = self.design, self.plan
        m.submodules.sum = products = sum_of_products(plan)
        m.submodules.gate = gate = StateSpaceGate(plan)
        m.submodules.sequencer = sequencer = StateSpaceSequencer(plan)
        connect(m, flipped(self.i), sequencer.i)
        connect(m, gate.o, flipped(self.o))
        m.d.comb += [
            self.busy.eq(sequencer.busy),
            sequencer.ready.eq(gate.ready),
            gate.acc.eq(products.acc),
            gate.channel.eq(sequencer.channel),
            gate.ends.eq(sequencer.ends),
            gate.fresh.eq(sequencer.fresh),
            gate.final.eq(sequencer.final),
        ]

        # Coefficients are read first and wait in a register; states are read a cycle later.
        fall = delays(m, sequencer.fall, 2, "fall")
        place = delays(m, fit(sequencer.place, design.state), 4, "place", reset_less=True)
        shape = plan.memory("h")
        store = add_memory(m, shape)
        h = Signal(signed(shape.width), reset_less=True)
        m.d.sync += h.eq(store.read(m, place[1]))
        with m.If(fall[2] & sequencer.fresh):
            m.d.sync += h.eq(0)

        falls = self._rom(m, "a", plan.falls, place[0])
        column = self._rom(
            m,
            "b",
            self._table(plan.fixed.b.T),
            Cat(place[0], sequencer.source[ceil_log2(design.input_bits) :]),
        )
        row = self._rom(m, "c", self._table(plan.fixed.c), Cat(place[0], sequencer.channel))
        coefficient = Signal(signed(16), reset_less=True)
        m.d.sync += coefficient.eq(Mux(fall[1], falls, row))
        m.d.comb += [
            products.h.eq(h),
            products.k.eq(coefficient),
            products.fall.eq(fall[2]),
        ]
        names = ["valid", "first", *(["plane", "sign", "double", "round"] if plan.serial else [])]
        for name in names:
            delayed = delays(m, getattr(sequencer, name), 2, name)[2]
            m.d.comb += getattr(products, name).eq(delayed)

        entry = Signal(signed(design.b_bits), reset_less=True)
        term = Signal(signed(shape.width), reset_less=True)
        bit = Signal(ceil_log2(design.input_bits), reset_less=True)
        bit_late = Signal.like(bit)
        m.d.sync += [
            bit.eq(sequencer.source[: len(bit)]),
            bit_late.eq(bit),
            entry.eq(column),
            term.eq((entry << bit_late if len(bit) else entry) << plan.fixed.lift),
        ]
        written = Signal(signed(shape.width), reset_less=True)
        m.d.sync += written.eq(h + Mux(fall[2], products.acc >> design.a_fraction_bits, term))
        add = delays(m, sequencer.add, 4, "add")[4]
        store.write(m, place[4], written, sequencer.store | add)
        return m

    def _table(self, rows: NDArray[np.int64]) -> list[int]:
        """Lay rows of coefficients out, each from a power of two on."""
        gap = [0] * ((1 << ceil_log2(self.design.state)) - self.design.state)
        return [entry for row in rows.tolist() for entry in (*row, *gap)]

    def _rom(self, m: Module, name: str, words: list[int], address: Value) -> Value:
        """Keep a table in columns as narrow as the deepest blocks: few to choose between."""
        shape = self.plan.memory(name)
        blocks = {w: ceil(shape.width / w) * ceil(shape.depth / d) for w, d in EBR_SHAPES}
        narrow = min(w for w in blocks if blocks[w] == shape.ebr)
        parts = []
        for low in range(0, shape.width, narrow):
            size = min(narrow, shape.width - low)
            part = [word >> low & (1 << size) - 1 for word in words]
            port = add_block(m, f"{name}{low}", size, shape.depth, part, rom=True).read_port()
            m.d.comb += port.addr.eq(address)
            parts.append(port.data)
        return Cat(*parts).as_signed()
