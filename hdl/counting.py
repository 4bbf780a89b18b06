"""Small steps that every sequencer takes: count on, cut an index, delay a flag."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.utils import ceil_log2

__all__ = ["delays", "fit", "following"]


def following(value: Value, count: int) -> Value:
    """Count on, from ``count - 1`` to 0."""
    if count & count - 1 == 0:
        return (value + 1)[: ceil_log2(count)]
    return Mux(value == count - 1, 0, value + 1)


def fit(value: Value, count: int) -> Value:
    """Cut an index down to the bits that ``count`` places need."""
    return value[: ceil_log2(count)]


def delays(m: Module, value: Value, count: int, name: str) -> list[Value]:
    """Delay a flag by 0 to ``count`` cycles; give all of them."""
    values = [value]
    for n in range(count):
        delayed = Signal(name=f"{name}{n + 1}")
        m.d.sync += delayed.eq(values[-1])
        values.append(delayed)
    return values
