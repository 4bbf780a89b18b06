"""Tables in read-only memory, read in every cycle."""

from collections.abc import Iterable, Sequence

from amaranth.hdl import Module, ShapeLike, Value
from amaranth.lib import memory
from amaranth.utils import ceil_log2

__all__ = ["check_style", "look_up", "packed", "stacked"]


def check_style(rom_style: str) -> str:
    """Return a style of ROM; :exc:`ValueError` unless it is ``"block"`` or ``"logic"``."""
    if rom_style not in ("block", "logic"):
        raise ValueError(f'ROM style must be "block" or "logic", not {rom_style!r}')
    return rom_style


def packed(numbers: Iterable[int], bits: int = 1) -> int:
    """Return a word of numbers of ``bits`` bits, the first of them lowest.

    >>> packed([1, 0, 1, 1]), packed([3, 0, 2], 2)
    (13, 35)
    """
    return sum(number << bits * n for n, number in enumerate(numbers))


def stacked(tables: Sequence[Sequence[int]]) -> list[int]:
    """Return tables as one, each filled with zeros up to a power of two.

    The number of a table then stands above the place in it, and nothing is multiplied.

    >>> stacked([[1, 2, 3], [4, 5, 6]])
    [1, 2, 3, 0, 4, 5, 6, 0]
    """
    size = 1 << ceil_log2(max(map(len, tables)))
    return [word for table in tables for word in (*table, *[0] * (size - len(table)))]


def look_up(
    m: Module,
    words: Sequence[int],
    address: Value,
    *,
    shape: ShapeLike,
    rom_style: str,
) -> Value:
    """Add a ROM ``rom`` to a module and give the word whose address was there a cycle ago.

    Parameters
    ----------
    m : Module
        Where the memory becomes a submodule.
    words : sequence of int
        Contents from address 0 on.
    address : Value
        Address, taken in every cycle.
    shape : int, range or shape
        Shape of a word.
    rom_style : str
        ``"block"`` for block memory, ``"logic"`` for look-up tables.
    """
    rom: memory.Memory = memory.Memory(
        shape=shape, depth=len(words), init=words, attrs={"rom_style": check_style(rom_style)}
    )
    m.submodules.rom = rom
    port = rom.read_port()
    m.d.comb += port.addr.eq(address)
    data: Value = port.data
    return data
