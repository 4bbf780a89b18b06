"""Small steps that every sequencer takes: count on, cut an index, find a bit, delay a flag."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike
from amaranth.utils import ceil_log2

__all__ = [
    "counted_to",
    "delays",
    "encode",
    "fit",
    "following",
    "head_counter",
    "less_lowest",
    "odometer",
    "widen",
]


def following(value: Value, count: int) -> Value:
    """Count on, from ``count - 1`` to 0."""
    if count & count - 1 == 0:
        return (value + 1)[: ceil_log2(count)]
    return Mux(value == count - 1, 0, value + 1)


def counted_to(m: Module, en: Value, digit: Signal, end: ValueLike) -> Value:
    """Count on by one while ``en``, up to a number or a signal; high on going back to 0."""
    last = digit == end
    with m.If(en):
        m.d.sync += digit.eq(Mux(last, 0, digit + 1))
    return en & last


def odometer(m: Module, en: Value, *digits: tuple[Signal, int]) -> Value:
    """Count on by one while ``en``, lowest digit first; high when the last digit goes back to 0.

    The enable is added, not a constant one under an enable: on the iCE40 that saves the cell that
    a carry chain otherwise begins with. Digits of a power of two share one chain.

    Parameters
    ----------
    m : Module
        Where the registers are driven, in domain ``sync``.
    en : Value
        Whether to count.
    digits : tuple of (Signal, int)
        Registers, and how many values each goes through.
    """
    carry = en
    chain: list[Signal] = []

    def close() -> Value:
        if not sum(len(digit) for digit in chain):
            return carry
        total = Signal(sum(len(digit) for digit in chain) + 1, name="odometer")
        m.d.comb += total.eq(Cat(chain) + carry)
        m.d.sync += Cat(chain).eq(total)
        return total[-1]

    for digit, count in digits:
        if count & count - 1 == 0:
            chain.append(digit)
            continue
        carry = close()
        chain = []
        last = digit == count - 1
        with m.If(carry):
            m.d.sync += digit.eq(Mux(last, 0, digit + 1))
        carry = carry & last
    return close()


def head_counter(m: Module, done: Value, heads: int, steps: int) -> Signal:
    """Count the heads, each of which takes ``steps`` runs that end with ``done``."""
    head, step = Signal(range(heads)), Signal(range(steps), name="head_step")
    with m.If(done):
        m.d.sync += step.eq(following(step, steps))
        with m.If(step == steps - 1):
            m.d.sync += head.eq(following(head, heads))
    return head


def fit(value: Value, count: int) -> Value:
    """Cut an index down to the bits that ``count`` places need."""
    return value[: ceil_log2(count)]


def less_lowest(bits: Value) -> Value:
    """Clear the lowest set bit."""
    return Cat(Const(0, 1), *(bits[n] & bits[:n].any() for n in range(1, len(bits))))


def encode(one_hot: Sequence[Value]) -> Value:
    """Give the place of the only set bit."""
    return Cat(
        Cat(bit for n, bit in enumerate(one_hot) if n >> level & 1).any()
        for level in range(ceil_log2(len(one_hot)))
    )


def widen(value: Value, width: int) -> Value:
    """Cut or pad with zeros, so that what is concatenated above keeps its place."""
    return Cat(value, Const(0, width))[:width]


def delays(
    m: Module, value: Value, count: int, name: str, *, reset_less: bool = False
) -> list[Value]:
    """Delay bits by 0 to ``count`` cycles; give all of them."""
    values = [value]
    for n in range(count):
        delayed = Signal(len(value), name=f"{name}{n + 1}", reset_less=reset_less)
        m.d.sync += delayed.eq(values[-1])
        values.append(delayed)
    return values
