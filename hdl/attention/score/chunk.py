"""Which token of which step a row is: attention across the steps of a chunk."""

from typing import Final

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import following

__all__ = ["RowWalk"]


class RowWalk(Component):
    """Follow the rows of a chunk, which are the tokens of its steps, one step after the other.

    A membrane belongs to a token, so that rows of different steps share its address, which need not
    be a part of the row's bits. Two counters go on with every row. A block of rows comes ``passes``
    times: with each pass but its last the counters go back to where the block began. Rows beyond
    the last of a run count on; they mean nothing.

    Latency: none, the outputs are registers. Cost: a counter of the tokens and one of the steps,
    and both once more beside several passes. Checked against the order of a chunk's tokens in
    :func:`spikeloom.golden.attention.formula.drive`.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with ``chunk`` above 1.
    passes : int
        How often each block comes.

    Members
    -------
    row : In(1)
        A row goes by.
    end : In(1)
        It is the last of its pass, or the pass has ended since.
    last : In(1)
        The pass is the last of its block; looked at with ``end``.
    restart : In(1)
        The run is over: the next row is the first of a chunk.
    token : Out(range(tokens))
        Token that the row is, or that the next one will be.
    step : Out(range(chunk))
        Its step within the chunk.
    """

    def __init__(self, design: AttentionDesign, *, passes: int):
        if design.chunk < 2:
            raise ValueError(f"Chunk must be of 2 steps or more, not {design.chunk!r}")
        self.design: Final = design
        self.passes: Final = passes
        super().__init__(
            {
                "row": In(1),
                "end": In(1),
                "last": In(1),
                "restart": In(1),
                "token": Out(range(design.tokens)),
                "step": Out(range(design.chunk)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        tokens, chunk = self.design.tokens, self.design.chunk
        place = Cat(self.token, self.step)
        after = Signal(len(place))
        wraps = self.token == tokens - 1
        step = Mux(wraps, following(self.step, chunk), self.step)[: len(self.step)]
        token = following(self.token, tokens)[: len(self.token)]
        m.d.comb += after.eq(Mux(self.row, Cat(token, step), place))
        m.d.sync += place.eq(after)
        if self.passes > 1:
            first = Signal(len(place))
            with m.If(self.end):
                with m.If(self.last):
                    m.d.sync += first.eq(after)
                with m.Else():
                    m.d.sync += place.eq(first)
            with m.If(self.restart):
                m.d.sync += first.eq(0)
        with m.If(self.restart):
            m.d.sync += place.eq(0)
        return m
