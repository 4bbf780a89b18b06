"""Comparison with a constant, in look-up tables instead of a carry chain."""

from amaranth.hdl import Const, Value

__all__ = ["at_least"]


def at_least(value: Value, bound: int) -> Value:
    """Return the one-bit expression ``value >= bound`` for an unsigned ``value``.

    One AND or OR with each bit of ``value`` above the lowest set bit of ``bound``, from the least
    significant up: a chain that a mapper folds into about ``len(value) / 3`` LUT4, where ``>=``
    takes a carry cell a bit. Combinational, so latency 0.

    Parameters
    ----------
    value : Value
        Unsigned value of any width.
    bound : int
        Non-negative constant. Bounds above every value give a constant 0, and 0 a constant 1.
    """
    if not isinstance(bound, int) or bound < 0:
        raise TypeError(f"Bound must be a non-negative integer, not {bound!r}")
    if value.shape().signed:
        raise TypeError(f"Value must be unsigned, not {value!r}")
    if bound >= 1 << len(value):
        return Const(0, 1)
    reached: Value = Const(1, 1)
    above_lowest = False
    for position in range(len(value)):
        bit = value[position]
        if bound >> position & 1:
            reached = bit & reached if above_lowest else bit
            above_lowest = True
        elif above_lowest:
            reached = bit | reached
    return reached
