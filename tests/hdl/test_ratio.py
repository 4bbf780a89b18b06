import numpy as np
import pytest
from amaranth.hdl import Module, Shape
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.ratio import Quotient, times
from spikeloom.sim.rows import evaluate, run


@pytest.mark.parametrize("divisor", [3, 5, 7, 9, 15, 17, 25, 999])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("width", [1, 2, 3, 7, 8])
def test_every_number(width, signed, divisor):
    dut = Quotient(Shape(width, signed), divisor)
    low = -(1 << width - 1) if signed else 0
    numbers = range(low, low + (1 << width))
    assert evaluate(dut, [{"i": n} for n in numbers]) == [n // divisor for n in numbers]
    assert (dut.latency, dut.divisor) == (0, divisor)


@pytest.mark.parametrize("divisor", [3, 5, 125, 625])
def test_wide_numbers(divisor):
    rng = np.random.default_rng(divisor)
    numbers = [int(n) for n in rng.integers(-(1 << 39), 1 << 39, 60)]
    near = [k * divisor + n for k in (-1, 0, 1, 1 << 29) for n in (-1, 0, 1)]
    dut = Quotient(Shape(40, signed=True), divisor)
    assert evaluate(dut, [{"i": n} for n in numbers + near]) == [
        n // divisor for n in numbers + near
    ]


class Product(wiring.Component):
    def __init__(self, factor):
        self._factor = factor
        super().__init__({"i": In(Shape(5, signed=True)), "o": Out(Shape(17, signed=True))})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(times(self.i, self._factor))
        return m


@pytest.mark.parametrize("factor", [1, 2, 3, 6, 7, 9, 11, 23, 63, 877, 999])
def test_products(factor):
    numbers = range(-16, 16)
    assert evaluate(Product(factor), [{"i": n} for n in numbers]) == [factor * n for n in numbers]


@pytest.mark.parametrize("divisor", [3, 5, 25])
@pytest.mark.parametrize("stages", [1, 2, 3])
def test_registers(stages, divisor):
    dut = Quotient(Shape(9, signed=True), divisor, stages=stages)
    numbers = range(-256, 256)
    assert dut.latency == stages
    assert run(dut, [{"i": n} for n in numbers], latency=stages) == [n // divisor for n in numbers]


def test_refuses():
    for divisor in (1, 4, -3, 2.5):
        message = rf"^Divisor must be an odd integer of at least 3, not {divisor!r}$"
        with pytest.raises(ValueError, match=message):
            Quotient(Shape(4), divisor)
    with pytest.raises(ValueError, match=r"^Stages must be an integer from 0 to 1, not 2$"):
        Quotient(Shape(4), 3, stages=2)
    with pytest.raises(ValueError, match=r"^Factor must be at least 1, not 0$"):
        times(Product(1).i, 0)
