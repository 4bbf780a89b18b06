"""Small steps of sequencers: against remainders and quotients, with enables at random."""

import math
import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.counting import (
    counted_to,
    delays,
    fit,
    following,
    head_counter,
    less_lowest,
    odometer,
)
from spikeloom.sim.rows import evaluate, run

from ...benches import simulate


class Step(wiring.Component):
    """What follows a value, and the value cut to what so many places need."""

    def __init__(self, count, extra=0):
        self._count = count
        bits = (count - 1).bit_length()
        super().__init__({"i": In(bits + extra), "after": Out(bits + 1), "cut": Out(bits + 1)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.cut.eq(fit(self.i, self._count))]
        m.d.comb += self.after.eq(following(self.i, self._count))
        return m


@pytest.mark.parametrize("count", [*range(1, 20), 31, 32, 33])
def test_following_counts_round(count):
    answers = evaluate(Step(count), [{"i": n} for n in range(count)])
    assert [answer["after"] for answer in answers] == [(n + 1) % count for n in range(count)]
    assert [answer["cut"] for answer in answers] == list(range(count))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 13])
def test_fit_keeps_the_bits_of_an_index(count):
    space = 1 << (count - 1).bit_length()
    answers = evaluate(Step(count, extra=2), [{"i": n} for n in range(4 * space)])
    assert [answer["cut"] for answer in answers] == [n % space for n in range(4 * space)]


class Odometer(wiring.Component):
    def __init__(self, counts):
        self.digits = [Signal(range(count), name=f"digit{n}") for n, count in enumerate(counts)]
        self._counts = counts
        super().__init__({"en": In(1), "over": Out(1)})

    def elaborate(self, platform):
        m = Module()
        pairs = zip(self.digits, self._counts, strict=True)
        m.d.comb += self.over.eq(odometer(m, self.en, *pairs))
        return m


COUNTS = [(1,), (4,), (3,), (2, 4, 8), (3, 5), (1, 3), (3, 1), (2, 3, 4), (4, 2, 3), (5, 1, 1, 2)]


@pytest.mark.parametrize("rests", [0.0, 0.6])
@pytest.mark.parametrize("counts", [*COUNTS, (3, 4, 2, 5, 2), (1, 1)], ids=str)
def test_odometer_counts_by_divmod(counts, rests):
    dut = Odometer(counts)
    draw = random.Random(len(counts))
    whole = math.prod(counts)

    async def bench(ctx):
        n = 0
        while n < 2 * whole + 3:
            rest, want = n, []
            for count in counts:
                rest, digit = divmod(rest, count)
                want.append(digit)
            assert [ctx.get(digit) for digit in dut.digits] == want
            en = draw.random() >= rests
            ctx.set(dut.en, en)
            assert ctx.get(dut.over) == (en and n % whole == whole - 1)
            await ctx.tick()
            n += en

    simulate(dut, bench)


def test_odometer_without_digits_passes_its_enable_on():
    assert evaluate(Odometer(()), [{"en": 0}, {"en": 1}]) == [0, 1]


class HeadCounter(wiring.Component):
    def __init__(self, heads, steps):
        self._size = heads, steps
        super().__init__({"done": In(1), "head": Out(range(heads))})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.head.eq(head_counter(m, self.done, *self._size))
        return m


@pytest.mark.parametrize(("heads", "steps"), [(1, 1), (1, 4), (3, 1), (3, 4), (4, 3), (5, 5)])
def test_a_head_has_a_run_for_every_step(heads, steps):
    draw = random.Random(heads)
    done = [draw.random() < 0.6 for _ in range(5 * heads * steps)]
    answers = run(HeadCounter(heads, steps), [{"done": int(bit)} for bit in done], latency=0)
    assert answers == [sum(done[:n]) // steps % heads for n in range(len(done))]


class Delays(wiring.Component):
    def __init__(self, count):
        self._count = count
        super().__init__({"i": In(1), "o": Out(count + 1)})

    def elaborate(self, platform):
        m = Module()
        late = delays(m, self.i, self._count, "late")
        assert len(late) == self._count + 1
        for n, value in enumerate(late):
            m.d.comb += self.o[n].eq(value)
        return m


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_flags_are_delayed_by_none_to_all(count):
    draw = random.Random(count)
    flags = [draw.getrandbits(1) for _ in range(60)]
    answers = run(Delays(count), [{"i": flag} for flag in flags], latency=0)
    for n, answer in enumerate(answers):
        late = [flags[n - wait] if n >= wait else 0 for wait in range(count + 1)]
        assert answer == sum(bit << wait for wait, bit in enumerate(late))


class CountedTo(wiring.Component):
    def __init__(self):
        self.digit = Signal(4)
        super().__init__({"en": In(1), "end": In(4), "over": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.over.eq(counted_to(m, self.en, self.digit, self.end))
        return m


@pytest.mark.parametrize("end", [0, 1, 5, 15])
def test_counted_to_goes_up_to_what_is_known_later(end):
    dut, draw = CountedTo(), random.Random(end)

    async def bench(ctx):
        ctx.set(dut.end, end)
        count = 0
        for _ in range(100):
            en = draw.randrange(2)
            ctx.set(dut.en, en)
            assert ctx.get(dut.digit) == count % (end + 1)
            assert ctx.get(dut.over) == (en and count % (end + 1) == end)
            await ctx.tick()
            count += en

    simulate(dut, bench)


class LessLowest(wiring.Component):
    def __init__(self, width):
        super().__init__({"i": In(width), "o": Out(width)})

    def elaborate(self, platform):
        m = Module()
        bits = Signal(len(self.i))
        m.d.comb += [bits.eq(self.i), self.o.eq(less_lowest(bits))]
        return m


@pytest.mark.parametrize("width", [1, 2, 3, 4, 8])
def test_lowest_bit_is_cleared(width):
    numbers = range(1 << width)
    answers = evaluate(LessLowest(width), [{"i": n} for n in numbers])
    assert answers == [n & (n - 1) if n else 0 for n in numbers]
