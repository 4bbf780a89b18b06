"""What hardware builds of a position encoding."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from amaranth.hdl import Cat, Const, Module, Signal, Value

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.position.part import PositionModel, models
from spikeloom.hdl.frame.counting import counted_to
from spikeloom.hdl.frame.rom import look_up, packed, stacked
from spikeloom.kinds import position

__all__ = ["BiasTable", "PositionUnits", "bias_table", "units"]


@dataclass(frozen=True)
class BiasTable:
    """Integers that a position adds to the score of query i and key j, of N tokens.

    Parameters
    ----------
    index : str
        ``"difference"``: entry (i - j) + (N - 1) of 2N - 1. ``"xor"``: entry i xor j of the next
        power of two. ``"pair"``: entry i N + j of N * N.
    tables : list of list of int
        Entries, one list for all heads, or one a head.
    logic : bool
        Compare the distance with thresholds, and keep no table: for a bias by difference that is
        the same for all heads, symmetric, and falls with the distance to no less than zero.
    """

    index: Literal["difference", "xor", "pair"]
    tables: list[list[int]]
    logic: bool = False

    @property
    def distinct(self) -> list[list[int]]:
        """Tables: one, or one a head where they differ."""
        same = all(table == self.tables[0] for table in self.tables)
        return self.tables[:1] if same else self.tables

    @property
    def span(self) -> range:
        """Integers from the least to the greatest of all entries and zero."""
        entries = [entry for table in self.tables for entry in table]
        return range(min(entries + [0]), max(entries) + 1)

    def reaches(self, tokens: int) -> list[int]:
        """List for each level how many distances have a bias above it, with ``logic``."""
        row = self.tables[0][tokens - 1 :]
        return [sum(entry > level for entry in row) for level in range(max(row))]


class PositionUnits:
    """Units of a position encoding: a position overrides what it has, or builds cheaper.

    Its class is found by the name of the position (:func:`spikeloom.kinds.position`). Channels and
    a bias are by default tables of the golden model's. State order inserts channels as beats and
    moves windows over the tokens, both for every position alike.

    Parameters
    ----------
    model : PositionModel
        What the position means.
    """

    #: Whether the channels of a token are moved: score order then assembles every token.
    permutes: ClassVar[bool] = False

    def __init__(self, model: PositionModel):
        self.model: Final = model
        self.design: Final = model.design

    def permute(self, m: Module, token: Value, word: Value) -> Value:
        """Move the channels of q and k in score order.

        ``word`` holds the channels of the token that ``token`` named the cycle before. Latency 0
        from ``word``.
        """
        return word

    def stage(self) -> tuple[str, Any] | None:
        """Move the channels of q and k in state order; give the name of the submodule as well.

        A component with streams ``i`` and ``o`` of beats in the order of
        :mod:`spikeloom.golden.attention.beats`.
        """
        if self.permutes:
            raise NotImplementedError(f"{type(self).__name__} has no stage for state order")
        return None

    def channels(self, m: Module, token: Value, done: Value) -> Value:
        """Give the bits that score order appends to q and k of a token, one cycle later.

        ``done`` is high for one cycle at the end of each step.
        """
        design = self.design
        steps = design.steps if design.by_step else 1
        codes = [self.model.channels(t) for t in range(steps)]
        width = codes[0].shape[1]
        if not width:
            return Const(0, 0)
        table = Module()
        m.submodules += table
        step = Signal(range(steps))
        counted_to(table, done, step, steps - 1)
        words = stacked([[packed(row) for row in code.tolist()] for code in codes])
        return look_up(table, words, Cat(token, step), shape=width, rom_style="block")

    def bias(self) -> BiasTable | None:
        """Return what is added to a score in score order; None if nothing is."""
        own_heads = any(part.own_heads for part in self.design.parts)
        heads = range(self.design.heads if own_heads else 1)
        matrices = [self.model.bias(head) for head in heads]
        tables = [[int(entry) for entry in m.flat] for m in matrices if m is not None]
        return BiasTable("pair", tables) if tables else None


def units(design: AttentionDesign) -> list[PositionUnits]:
    """Return the units of the positions of a layer, in the order of their names."""
    found = zip(design.position, models(design), strict=True)
    return [position(name, "hdl")(model) for name, model in found]


def bias_table(design: AttentionDesign) -> BiasTable:
    """Return the bias of the one position that adds any; :exc:`ValueError` if none does."""
    found = [bias for unit in units(design) if (bias := unit.bias()) is not None]
    if len(found) != 1:
        raise ValueError(f"Positions must add one bias, not {design.position!r}")
    return found[0]
