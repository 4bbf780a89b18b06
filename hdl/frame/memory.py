"""Memories of a layer: block memory, or the big single-port memories of the UP5K."""

from collections.abc import Sequence
from typing import Any, Final

from amaranth.hdl import (
    Array,
    Cat,
    ClockSignal,
    Const,
    Instance,
    Module,
    ShapeLike,
    Signal,
    Value,
    ValueLike,
)
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.memory_map import MemoryShape

__all__ = ["LayerMemory", "SinglePortMemory", "add_block", "add_memory"]


class _Ported(Component):
    """What has a write and a read port, each joined to its user in one line."""

    def __init__(self, width: int, depth: int, granularity: int):
        self.width: Final = width
        self.depth: Final = depth
        self.granularity: Final = granularity
        super().__init__(
            {
                "w_addr": In(range(depth)),
                "w_data": In(width),
                "w_en": In(width // granularity),
                "r_addr": In(range(depth)),
                "r_en": In(1),
                "r_data": Out(width),
            }
        )

    def write(self, m: Module, addr: ValueLike, data: ValueLike, en: ValueLike) -> None:
        """Join the write port to what gives words."""
        m.d.comb += [self.w_addr.eq(addr), self.w_data.eq(data), self.w_en.eq(en)]

    def read(self, m: Module, addr: ValueLike, en: ValueLike = 1) -> Value:
        """Join the read port to what asks for words; give the word."""
        m.d.comb += [self.r_addr.eq(addr), self.r_en.eq(en)]
        return self.r_data


class SinglePortMemory(_Ported):
    """A memory of SB_SPRAM256KA with a write and a read port, of which one is used in a cycle.

    A write comes before a read. What was read stays until the next read; it means nothing after a
    write, and the contents mean nothing before they are written. Takes ``ceil(width / 16) *
    ceil(depth / 16384)`` SPRAM.

    Latency: a word is read one cycle after its address.

    Parameters
    ----------
    width : int
        Bits of a word.
    depth : int
        Words, a power of two.
    granularity : int
        Bits that one write enable covers: the whole word, or a multiple of 4 that divides 16.

    Members
    -------
    w_addr, w_data, w_en : In
        Write port.
    r_addr, r_en : In
        Read port.
    r_data : Out(width)
        Word that was read.
    """

    def __init__(self, width: int, depth: int, *, granularity: int):
        if depth < 1 or depth & depth - 1:
            raise ValueError(f"Depth must be a power of two, not {depth!r}")
        if granularity != width and (granularity % 4 or 16 % granularity):
            raise ValueError(f"Granularity must be the width, 4, 8 or 16, not {granularity!r}")
        super().__init__(width, depth, granularity)

    def elaborate(self, platform: object) -> Module:
        """Place one SPRAM for each 16 bits and 16,384 words."""
        m = Module()
        writes = self.w_en.any()
        addr = Signal(14)
        high = Signal(range(max(1, self.depth >> 14)))
        read_high = Signal.like(high)
        m.d.comb += Cat(addr, high).eq(self.r_addr)
        with m.If(writes):
            m.d.comb += Cat(addr, high).eq(self.w_addr)
        with m.If(self.r_en & ~writes):
            m.d.sync += read_high.eq(high)

        nibbles = Signal(-(-self.width // 4))
        m.d.comb += nibbles.eq(
            Cat(self.w_en[n * 4 // self.granularity] for n in range(len(nibbles)))
        )
        for column in range(-(-self.width // 16)):
            words: list[Value] = []
            part = slice(16 * column, 16 * column + 16)
            for bank in range(max(1, self.depth >> 14)):
                word = Signal(16, name=f"word{column}_{bank}")
                selected = high == bank
                m.submodules[f"spram{column}_{bank}"] = Instance(
                    "SB_SPRAM256KA",
                    i_CLOCK=ClockSignal(),
                    i_ADDRESS=addr,
                    i_DATAIN=Cat(self.w_data[part], Const(0, 16))[:16],
                    i_MASKWREN=Cat(nibbles[4 * column : 4 * column + 4], Const(0, 4))[:4],
                    i_WREN=writes,
                    i_CHIPSELECT=(writes | self.r_en) & selected,
                    i_STANDBY=Const(0),
                    i_SLEEP=Const(0),
                    i_POWEROFF=Const(1),
                    o_DATAOUT=word,
                )
                words.append(word)
            m.d.comb += self.r_data[part].eq(Array(words)[read_high])
        return m


class LayerMemory(_Ported):
    """A memory of a layer, where the plan puts it.

    Parameters
    ----------
    shape : MemoryShape
        Words, and the kind of memory that holds them.
    granularity : int
        Bits that one write enable covers.

    Members
    -------
    w_addr, w_data, w_en, r_addr, r_en, r_data
        As :class:`SinglePortMemory`; in block memory a read and a write of different words may
        share a cycle.
    """

    def __init__(self, shape: MemoryShape, *, granularity: int):
        self.shape: Final = shape
        super().__init__(shape.width, shape.depth, granularity)

    def elaborate(self, platform: object) -> Module:
        """Place the memory."""
        m = Module()
        shape = self.shape
        if shape.single_port:
            single = SinglePortMemory(shape.width, shape.depth, granularity=self.granularity)
            m.submodules.single = single
            single.write(m, self.w_addr, self.w_data, self.w_en)
            m.d.comb += self.r_data.eq(single.read(m, self.r_addr, self.r_en))
            return m
        store = add_block(m, "store", shape.width, shape.depth)
        write, read = store.write_port(granularity=self.granularity), store.read_port()
        m.d.comb += [
            write.addr.eq(self.w_addr),
            write.data.eq(self.w_data),
            write.en.eq(self.w_en),
            read.addr.eq(self.r_addr),
            read.en.eq(self.r_en),
            self.r_data.eq(read.data),
        ]
        return m


def add_memory(m: Module, shape: MemoryShape, granularity: int | None = None) -> LayerMemory:
    """Add a memory to a module under its name; by default a write is of a whole word."""
    store = LayerMemory(shape, granularity=granularity or shape.width)
    m.submodules[shape.name] = store
    return store


def add_block(
    m: Module,
    name: str,
    shape: ShapeLike,
    depth: int,
    init: Sequence[Any] = (),
    *,
    rom: bool = False,
) -> memory.Memory:
    """Add a block memory to a module, whose ports are still to be made.

    Parameters
    ----------
    m : Module
        Where the memory becomes a submodule.
    name : str
        Its name there.
    shape : int, range or shape
        Shape of a word.
    depth : int
        Words.
    init : sequence
        Contents from address 0 on.
    rom : bool
        Whether it is never written.
    """
    style = {"rom_style" if rom else "ram_style": "block"}
    store: memory.Memory = memory.Memory(shape=shape, depth=depth, init=list(init), attrs=style)
    m.submodules[name] = store
    return store
