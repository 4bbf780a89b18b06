"""Sums of products in a state-space layer: by hard multipliers, or a bit a cycle in cells."""

from collections.abc import Mapping
from typing import Final

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.design.state_space.fixed import width
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.state_space.plan import StateSpacePlan

__all__ = ["BitSum", "DspSum", "sum_of_products"]

_LOW = 15


class _Sum(Component):
    """Ports that both forms share."""

    def __init__(self, plan: StateSpacePlan, more: Mapping[str, wiring.Member] | None = None):
        self.plan: Final = plan
        super().__init__(
            {
                "h": In(signed(plan.state_bits)),
                "k": In(signed(16)),
                "valid": In(1),
                "first": In(1),
                "fall": In(1),
                "acc": Out(signed(width(*plan.spans.product))),
                **(more or {}),
            }
        )

    def _halves(self) -> tuple[Const, Const]:
        """Give what rounds a sum of C h, and what rounds A h."""
        shape = self.acc.shape()
        half = 1 << self.plan.fixed.drop >> 1
        return Const(half, shape), Const(1 << self.plan.design.a_fraction_bits - 1, shape)


class DspSum(_Sum):
    """Multiply a state by a coefficient in every cycle and add the products up.

    One hard multiplier of 16 x 16 bits (SB_MAC16) for states of up to 16 bits; two for wider ones,
    for their low 15 bits and for the rest. The multipliers have registers at their inputs and
    at their outputs, since nextpnr knows nothing of the delays between these. With ``target.cells``
    "ice40" they are placed as they are, with all of these registers inside; "portable" leaves it to
    synthesis, which takes in only some.

    Latency: 5 cycles from ``k`` (4 from ``h``, which comes a cycle after) to ``acc``, and one less
    with one multiplier; a product a cycle.

    Parameters
    ----------
    plan : StateSpacePlan
        Geometry of the layer.

    Members
    -------
    h : In(signed)
        State, one cycle after its coefficient.
    k : In(signed(16))
        Coefficient.
    valid : In(1)
        With ``k``: counts as zero while low.
    first : In(1)
        With ``k``: the sum starts with this product and the half that rounds it.
    fall : In(1)
        High while products let a state decay, low while they are summed; held over a phase.
    acc : Out(signed)
        Sum so far.
    """

    def elaborate(self, platform: object) -> Module:
        """Build the pipeline."""
        m = Module()
        k = Signal(16, reset_less=True)
        m.d.sync += k.eq(self.k)
        with m.If(~self.valid):
            m.d.sync += k.eq(0)
        narrow = self.plan.state_bits <= 16
        parts = [self.h] if narrow else [self.h[_LOW:].as_signed(), self.h[:_LOW]]
        products = []
        for n, part in enumerate(parts):
            factor, state = (Signal(signed(16), name=f"{name}{n}") for name in ("factor", "state"))
            product = Signal(signed(32), name=f"product{n}")
            m.d.comb += [factor.eq(k.as_signed()), state.eq(part)]
            self._multiply(m, n, factor, state, product)
            products.append(product)
        total: Value = products[0]
        if len(products) > 1:
            # The low bits of the low product have nothing to be added to.
            rest = Signal(signed(33), name="rest", reset_less=True)
            low = Signal(_LOW, reset_less=True)
            m.d.sync += [
                rest.eq(products[0] + (products[1] >> _LOW)),
                low.eq(products[1][:_LOW]),
            ]
            total = Cat(low, rest).as_signed()

        first = self.first
        for n in range(self.plan.latency - 1):
            late = Signal(name=f"first{n}", reset_less=True)
            m.d.sync += late.eq(first)
            first = late
        half, half_fall = self._halves()
        base = Signal(self.acc.shape())
        m.d.comb += base.eq(Mux(first, Mux(self.fall, half_fall, half), self.acc))
        m.d.sync += self.acc.eq(base + total)
        return m

    def _multiply(self, m: Module, n: int, factor: Signal, state: Signal, product: Signal) -> None:
        """Multiply between registers, two cycles."""
        if self.plan.design.target.cells == "ice40":
            numbers = dict.fromkeys(["A_REG", "B_REG", "A_SIGNED", "B_SIGNED"], 1)
            numbers |= {"PIPELINE_16x16_MULT_REG2": 1, "TOPOUTPUT_SELECT": 3, "BOTOUTPUT_SELECT": 3}
            off = (
                "C D AHOLD BHOLD CHOLD DHOLD IRSTTOP IRSTBOT ORSTTOP ORSTBOT OLOADTOP OLOADBOT "
                "ADDSUBTOP ADDSUBBOT OHOLDTOP OHOLDBOT CI ACCUMCI SIGNEXTIN"
            ).split()
            m.submodules[f"mac{n}"] = Instance(
                "SB_MAC16",
                **{
                    f"p_{name}": Const(value, 2 if value == 3 else 1)
                    for name, value in numbers.items()
                },
                **{f"i_{name}": Const(0, 16 if len(name) == 1 else 1) for name in off},
                i_CLK=ClockSignal(),
                i_CE=Const(1),
                i_A=factor,
                i_B=state,
                o_O=product,
            )
            return
        held, kept, made = (
            Signal(signed(size), name=f"{name}{n}", reset_less=True)
            for name, size in (("held", 16), ("kept", 16), ("made", 32))
        )
        m.d.sync += [held.eq(factor), kept.eq(state), made.eq(held * kept)]
        m.d.comb += product.eq(made)


class BitSum(_Sum):
    """Multiply states by one bit of their coefficients a cycle and add up, highest bits first.

    The sum is doubled between the planes of equal bits, so that one adder makes the products and
    their sum. The highest plane counts negative.

    Latency: 3 cycles from ``k`` (2 from ``h``) to ``acc``; a bit of a product a cycle.

    Parameters
    ----------
    plan : StateSpacePlan
        Geometry of the layer.

    Members
    -------
    h, k, valid, fall, acc
        As :class:`DspSum`.
    first : In(1)
        With ``k``: the sum starts with this.
    plane : In(4)
        With ``k``: bit of the coefficient.
    sign : In(1)
        With ``k``: that bit is the sign.
    double : In(1)
        With ``k``: the sum so far counts twice.
    round : In(1)
        With ``k``: the half that rounds is added, and no product.
    """

    def __init__(self, plan: StateSpacePlan):
        super().__init__(plan, {"plane": In(4), "sign": In(1), "double": In(1), "round": In(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the adder."""
        m = Module()
        bit, minus, first, double, half, half_fall = (
            Signal(name=name, reset_less=True)
            for name in ("bit", "minus", "first", "double", "half", "half_fall")
        )
        # CXXRTL shifts a signed number by a variable amount wrongly.
        chosen = self.k.as_unsigned().bit_select(self.plane, 1) & self.valid & ~self.round
        m.d.sync += [
            bit.eq(chosen),
            minus.eq(chosen & self.sign),
            first.eq(self.first),
            double.eq(self.double),
            half.eq(self.round & ~self.fall),
            half_fall.eq(self.round & self.fall),
        ]
        halves = self._halves()
        base, term = Signal(self.acc.shape()), Signal(self.acc.shape(), reset_less=True)
        carry, starts, twice = (
            Signal(name=name, reset_less=True) for name in ("carry", "starts", "twice")
        )
        wide = Signal(self.acc.shape())
        m.d.comb += [
            wide.eq(self.h),
            base.eq(Mux(starts, 0, Mux(twice, self.acc << 1, self.acc))),
        ]
        m.d.sync += [
            carry.eq(minus),
            starts.eq(first),
            twice.eq(double),
            term.eq(
                (wide ^ minus.replicate(len(wide))) & bit.replicate(len(wide))
                | halves[0] & half.replicate(len(wide))
                | halves[1] & half_fall.replicate(len(wide))
            ),
        ]
        m.d.sync += self.acc.eq(base + term + carry)
        return m


def sum_of_products(plan: StateSpacePlan) -> DspSum | BitSum:
    """Make the form that a design asks for."""
    return BitSum(plan) if plan.serial else DspSum(plan)
