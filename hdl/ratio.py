"""Products and quotients of numbers and constants, by adders and look-up tables."""

from typing import Final

from amaranth.hdl import Array, Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.component import Component

__all__ = ["Quotient", "signed_digits", "times"]


def times(value: Value, factor: int) -> Value:
    """Multiply by a constant of at least 1, with the fewest additions and subtractions.

    A subtraction takes a cell a bit more where its operand must be inverted, so it is not chosen
    where additions are as few.
    """
    if factor < 1:
        raise ValueError(f"Factor must be at least 1, not {factor!r}")
    binary = [(1, bit) for bit in range(factor.bit_length()) if factor >> bit & 1]
    signed = signed_digits(factor)
    (_, shift), *rest = reversed(binary if len(binary) <= len(signed) else signed)
    total = value << shift if shift else value
    for sign, bit in rest:
        part = value << bit if bit else value
        total = total + part if sign > 0 else total - part
    return total


def _radix(divisor: int) -> int:
    """Bits of a digit: what four inputs leave beside what is left over."""
    return max(1, 4 - (divisor - 1).bit_length())


def signed_digits(value: int) -> list[tuple[int, int]]:
    """Return the canonical signed digits of ``value`` as (sign, power of two) pairs, lowest first.

    No two neighbouring digits are set, so a multiplication by ``value`` takes the fewest adders
    that shifts and additions of one number allow.

    Parameters
    ----------
    value : int
        Integer; the digits of ``-value`` are the same with their signs turned.

    >>> signed_digits(7), signed_digits(-10), signed_digits(0)
    ([(-1, 0), (1, 3)], [(-1, 1), (-1, 3)], [])
    """
    if not isinstance(value, int):
        raise TypeError(f"Value must be an integer, not {value!r}")
    digits = []
    power = 0
    while value:
        if value & 1:
            sign = 2 - (value & 3)
            digits.append((sign, power))
            value -= sign
        value >>= 1
        power += 1
    return digits


class Quotient(Component):
    """Divide by an odd constant, rounding down.

    Long division, from the top: what is left over, and as many of the next bits as keep the table
    within four inputs (at least one), give digits of the quotient and what is left over then. A
    digit takes two cells a bit for 3, four for 5 and 7; the path has a cell for every digit. From
    17 on a step is a subtraction.

    Latency ``stages``, a number in every cycle; combinational without.

    Parameters
    ----------
    shape : ShapeLike
        Shape of the number.
    divisor : int
        An odd integer, at least 3.
    stages : int
        Registers on the way, fewer than there are digits.

    Members
    -------
    i : In(shape)
        Number.
    o : Out(shape)
        floor(i / divisor).
    """

    def __init__(self, shape: Shape, divisor: int, *, stages: int = 0):
        if not isinstance(divisor, int) or divisor < 3 or divisor % 2 == 0:
            raise ValueError(f"Divisor must be an odd integer of at least 3, not {divisor!r}")
        most = self.digits(shape, divisor) - 1
        if not isinstance(stages, int) or not 0 <= stages <= max(0, most):
            raise ValueError(f"Stages must be an integer from 0 to {max(0, most)}, not {stages!r}")
        self.divisor: Final = divisor
        #: Cycles from number to quotient.
        self.latency: Final = stages
        super().__init__({"i": In(shape), "o": Out(shape)})

    @staticmethod
    def digits(shape: Shape, divisor: int) -> int:
        """Count the steps of a division, each a cell on the path."""
        return -(-(shape.width - shape.signed) // _radix(divisor))

    def elaborate(self, platform: object) -> Module:
        """Go through the digits, the sign first: it is worth less than nothing, and all of it."""
        m = Module()
        divisor = self.divisor
        left_bits = (divisor - 1).bit_length()
        radix = _radix(divisor)
        count = self.digits(self.i.shape(), divisor)
        cuts = [count * (stage + 1) // (self.latency + 1) for stage in range(self.latency)]

        bits = list(self.i)
        digits: list[Value] = []
        left: Value = Const(0, left_bits)
        if self.i.shape().signed:
            sign = bits.pop()
            digits.append(sign)
            left = Mux(sign, divisor - 1, 0)
        for step in range(count):
            if step in cuts:
                before = Cat(*bits, left, *reversed(digits))
                kept = Signal(len(before), name=f"kept{step}", reset_less=True)
                m.d.sync += kept.eq(before)
                bits, left, digits = (
                    list(kept[: len(bits)]),
                    kept[len(bits) :][:left_bits],
                    [kept[len(bits) + left_bits :]],
                )
            taken = (len(bits) - 1) % radix + 1
            bits, low = bits[:-taken], bits[-taken:]
            number = Signal(left_bits + taken, name=f"number{len(bits)}")
            digit = Signal(taken, name=f"digit{len(bits)}")
            after = Signal(left_bits, name=f"left{len(bits)}")
            m.d.comb += number.eq(Cat(*low, left))
            if left_bits <= 4:
                # No number is beyond the table: what is left is less than the divisor.
                pairs = [divmod(n, divisor) for n in range(divisor << taken)]
                m.d.comb += [
                    digit.eq(Array(pair[0] for pair in pairs)[number]),
                    after.eq(Array(pair[1] for pair in pairs)[number]),
                ]
            else:
                rest = Signal(Shape(left_bits + 1, signed=True), name=f"rest{len(bits)}")
                m.d.comb += [
                    rest.eq(number - divisor),
                    digit.eq(~rest[-1]),
                    after.eq(Mux(digit, rest, number)),
                ]
            digits.append(digit)
            left = after
        m.d.comb += self.o.eq(Cat(*reversed(digits)))

        return m
