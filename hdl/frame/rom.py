"""Tables in read-only memory, read in every cycle."""

from collections.abc import Sequence

from amaranth.hdl import Module, ShapeLike, Value
from amaranth.lib import memory

__all__ = ["check_style", "look_up"]


def check_style(rom_style: str) -> str:
    """Return a style of ROM; :exc:`ValueError` unless it is ``"block"`` or ``"logic"``."""
    if rom_style not in ("block", "logic"):
        raise ValueError(f'ROM style must be "block" or "logic", not {rom_style!r}')
    return rom_style


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
