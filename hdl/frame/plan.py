"""Geometry of layers: what plans of all kinds count alike."""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

from amaranth.utils import ceil_log2

from spikeloom.hdl.frame.memory_map import MemoryShape, place
from spikeloom.hdl.frame.unloader import OutputWords
from spikeloom.hdl.frame.words import TokenWords

__all__ = ["BankedPlan", "LayerPlan"]


class LayerPlan(ABC):
    """What follows from the design file of a layer by counting; a plan adds its memories."""

    @property
    @abstractmethod
    def memories(self) -> tuple[MemoryShape, ...]:
        """Memories of the layer."""

    def memory(self, name: str) -> MemoryShape:
        """Find a memory by its name."""
        return next(memory for memory in self.memories if memory.name == name)


class BankedPlan(LayerPlan):
    """Banks and memories of a layer; a plan adds what the memories are.

    Members
    -------
    design : Design
        The layer, with ``folding.buffers`` and ``target``.
    """

    design: Any

    @property
    def tokens(self) -> int:
        """Tokens N."""
        return int(self.design.tokens)

    @property
    def beat(self) -> int:
        """Data bits a beat."""
        return int(self.design.beat)

    @property
    def lanes(self) -> int:
        """Channels of v in parallel."""
        return int(self.design.lanes)

    @property
    @abstractmethod
    def passes(self) -> int:
        """Groups of ``lanes`` channels that the values of a head take."""

    @property
    @abstractmethod
    def answer(self) -> OutputWords:
        """How the answer of a run lies in its memory."""

    @property
    @abstractmethod
    def out(self) -> TokenWords:
        """How the answer of a token lies there."""

    @abstractmethod
    def _memories(self, in_banks: int, out_banks: int) -> tuple[MemoryShape, ...]:
        """List the memories that a layer with so many banks has."""

    @abstractmethod
    def _may_move(self, shape: MemoryShape) -> bool:
        """Say whether a memory works with a single port, by nibbles, and without zeros in it."""

    def _depth(self, words: int, banks: int, tokens: int | None = None) -> int:
        """Words of a memory of so many words a token: every index has bits of its own."""
        places = ceil_log2(self.tokens if tokens is None else tokens)
        return 1 << (places + ceil_log2(words) + ceil_log2(banks))

    @cached_property
    def _banks(self) -> tuple[int, int]:
        asked = self.design.folding.buffers
        if asked != "auto":
            return asked, asked

        def blocks(*banks: int) -> int:
            return sum(memory.ebr for memory in self._memories(*banks))

        # A second bank is taken wherever it lies in the depth that an EBR has anyway.
        single = blocks(1, 1)
        in_banks = 2 if blocks(2, 1) == single else 1
        return in_banks, 2 if blocks(in_banks, 2) == single else 1

    @property
    def in_banks(self) -> int:
        """Banks of q, k and v: with two, a step is loaded while another is computed."""
        return self._banks[0]

    @property
    def out_banks(self) -> int:
        """Banks of the output."""
        return self._banks[1]

    @cached_property
    def memories(self) -> tuple[MemoryShape, ...]:
        """Memories of the layer: the largest go to SPRAM where EBR do not hold all."""
        shapes = self._memories(*self._banks)
        return place(shapes, self.design.target.resources, self._may_move)

    @property
    def o(self) -> MemoryShape:
        """Memory that the output is read from."""
        return self.memory("o")

    @property
    def single_ported(self) -> frozenset[str]:
        """Memories that lie in SPRAM."""
        return frozenset(shape.name for shape in self.memories if shape.single_port)
