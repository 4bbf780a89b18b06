"""Cells of the iCE40, by their data sheets, for Amaranth's own simulator, which knows none.

A test calls :func:`simulate_cells`, which puts :func:`cell` in the place of ``Instance``.
"""

import sys

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import memory


def simulate_cells(monkeypatch):
    """Build cells as modules wherever hdl makes an instance of one."""
    for name, module in list(sys.modules.items()):
        if name.startswith("spikeloom.hdl.") and hasattr(module, "Instance"):
            monkeypatch.setattr(module, "Instance", cell)


def cell(kind, **pins):
    """Make a module of a cell, from the parameters and pins of an instance."""
    given = {name[2:]: Value.cast(pin) for name, pin in pins.items() if name[:2] in ("p_", "i_")}
    outputs = {name[2:]: pin for name, pin in pins.items() if name[:2] == "o_"}
    m = Module()
    (out,) = outputs.values()
    m.d.comb += out.eq(CELLS[kind](m, given))
    return m


def _lut(m, pins):
    return pins["LUT_INIT"].bit_select(Cat(pins[f"I{n}"] for n in range(4)), 1)


def _carry(m, pins):
    a, b, carry = pins["I0"], pins["I1"], pins["CI"]
    return (a & b) | (a & carry) | (b & carry)


def _spram(m, pins):
    """One port, masks of four bits; what it gives after a write is the complement of a word."""
    store = memory.Memory(shape=16, depth=1 << 14, init=[])
    m.submodules.store = store
    write, read = store.write_port(granularity=4), store.read_port()
    awake = Signal()
    spoilt = Signal()
    m.d.comb += [
        awake.eq(pins["CHIPSELECT"] & pins["POWEROFF"] & ~pins["STANDBY"] & ~pins["SLEEP"]),
        write.addr.eq(pins["ADDRESS"]),
        write.data.eq(pins["DATAIN"]),
        write.en.eq(Mux(awake & pins["WREN"], pins["MASKWREN"], 0)),
        read.addr.eq(pins["ADDRESS"]),
        read.en.eq(awake & ~pins["WREN"]),
    ]
    with m.If(awake):
        m.d.sync += spoilt.eq(pins["WREN"])
    return read.data ^ spoilt.replicate(16)


def _mac(m, pins):
    """A signed product between registers: the only mode that is made use of."""
    modes = ("A_REG", "B_REG", "A_SIGNED", "B_SIGNED", "PIPELINE_16x16_MULT_REG2")
    outputs = ("TOPOUTPUT_SELECT", "BOTOUTPUT_SELECT")
    for name, wanted in [*((name, 1) for name in modes), *((name, 3) for name in outputs)]:
        assert isinstance(pins[name], Const)
        assert pins[name].value == wanted, name
    a, b, product = Signal(signed(16)), Signal(signed(16)), Signal(signed(32))
    with m.If(pins["CE"]):
        m.d.sync += [a.eq(pins["A"]), b.eq(pins["B"]), product.eq(a * b)]
    return product


CELLS = {"SB_LUT4": _lut, "SB_CARRY": _carry, "SB_SPRAM256KA": _spram, "SB_MAC16": _mac}
