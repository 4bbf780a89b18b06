"""What components say of their parameters, and small expressions that they share."""

import re

import pytest
from amaranth.hdl import Const, Module, Signal
from amaranth.sim import Simulator

from spikeloom.hdl.frame.component import natural
from spikeloom.hdl.frame.counting import encode, widen


@pytest.mark.parametrize(("value", "least"), [(0, 1), (-1, 0), (2.0, 1), ("2", 0), (None, 1)])
def test_refuses_what_is_no_such_integer(value, least):
    kind = "positive" if least else "non-negative"
    message = f"Width must be a {kind} integer, not {value!r}"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        natural("Width", value, least)


def test_gives_the_integers_that_it_admits():
    assert [natural("Width", 1), natural("Width", 0, 0)] == [1, 0]


def evaluate(value):
    """Give the value of an expression without inputs."""
    m, found = Module(), Signal(max(1, len(value)))
    m.d.comb += found.eq(value)
    seen = []

    async def bench(ctx):
        seen.append(ctx.get(found))

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    return seen[0]


@pytest.mark.parametrize("width", range(1, 10))
def test_place_of_the_only_set_bit(width):
    for place in range(width):
        assert evaluate(encode(list(Const(1 << place, width)))) == place


@pytest.mark.parametrize("width", [0, 1, 3, 5])
def test_cuts_or_pads(width):
    assert len(widen(Const(0b1011, 4), width)) == width
    assert evaluate(widen(Const(0b1011, 4), width)) == 0b1011 & (1 << width) - 1
