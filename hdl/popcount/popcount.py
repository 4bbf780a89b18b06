"""Population count: how many bits of a word are set."""

from typing import Final

from amaranth.hdl import Module, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.hdl.frame.component import Component, natural

__all__ = ["Popcount"]


class Popcount(Component):
    """Count the set bits of a word with a balanced tree of adders of exact width.

    The tree has ``ceil(log2(width))`` levels of two-input sums; ``stages`` ranks of registers are
    spread over them evenly, the last one at the output. The pipeline runs freely: a word is taken
    and a count given in every cycle, ``latency`` cycles apart, and no register is ever reset, so
    the first ``latency`` counts after start-up mean nothing. Written with ``+`` only, so it
    synthesizes anywhere; :class:`spikeloom.hdl.popcount.pairs.PairPopcount` holds the units built
    from iCE40 cells. Checked against :func:`spikeloom.golden.popcount.popcount`.

    Parameters
    ----------
    width : int
        Bits in the word, at least 1.
    stages : int or None
        Ranks of registers, at least 0; 0 makes the unit combinational. By default one rank for
        each three levels, so that a stage sums at most 8 values, and at least one rank.

    Members
    -------
    i : In(width)
        Word to count in.
    o : Out(range(width + 1))
        Number of set bits of the word taken ``latency`` cycles before.
    """

    def __init__(self, width: int, *, stages: int | None = None):
        if stages is not None and (not isinstance(stages, int) or stages < 0):
            raise TypeError(f"Stages must be a non-negative integer or None, not {stages!r}")
        self.width: Final = natural("Width", width)
        self.stages: Final = max(1, -(-ceil_log2(width) // 3)) if stages is None else stages
        super().__init__({"i": In(width), "o": Out(range(width + 1))})

    @property
    def latency(self) -> int:
        """Cycles from a word to its count: the number of ranks of registers."""
        return self.stages

    def elaborate(self, platform: object) -> Module:
        """Build the tree level by level, with the ranks of registers after their levels."""
        m = Module()

        levels = ceil_log2(self.width)
        ranks = [levels * (rank + 1) // self.stages for rank in range(self.stages)]
        counts: list[tuple[Value, int]] = [(self.i[bit], 1) for bit in range(self.width)]

        def named(domain: str, name: str, *parts: tuple[Value, int]) -> tuple[Value, int]:
            # Named and sized: an expression would grow a bit for every level.
            most = sum(high for _, high in parts)
            total = Signal(range(most + 1), name=name, reset_less=True)
            m.d[domain] += total.eq(sum((value for value, _ in parts[1:]), parts[0][0]))
            return total, most

        for level in range(levels + 1):
            if level > 0:
                pairs = [counts[k : k + 2] for k in range(0, len(counts), 2)]
                counts = [named("comb", f"sum{level}_{k}", *pair) for k, pair in enumerate(pairs)]
            for rank in range(ranks.count(level)):
                name = f"rank{level}_{rank}"
                counts = [named("sync", f"{name}_{k}", count) for k, count in enumerate(counts)]

        m.d.comb += self.o.eq(counts[0][0])
        return m
