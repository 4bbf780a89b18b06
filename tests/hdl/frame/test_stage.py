"""Stages around banks: a layer of the test's own that adds one to every beat."""

import random
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import Out
from amaranth.sim import Simulator

from spikeloom.boards.devices import Resources
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.frame.plan import BankedPlan
from spikeloom.hdl.frame.stage import BankedLayer, Engine, Loader
from spikeloom.hdl.frame.words import TokenWords
from spikeloom.sim.pysim import add_clock

BEAT, RUNS = 8, 3


@dataclass(frozen=True)
class Plan(BankedPlan):
    """A word of a beat a token, of v and of the output."""

    design: object
    passes = 1

    out = TokenWords(numbers=1, bits=BEAT, lanes=1, beat=BEAT)

    @property
    def answer(self):
        return self.out.answer(self.tokens, RUNS, self.out_banks, self.o.depth)

    def _memories(self, in_banks, out_banks):
        shapes = (("v", in_banks), ("o", out_banks))
        return tuple(MemoryShape(name, BEAT, self._depth(1, banks)) for name, banks in shapes)

    def _may_move(self, shape):
        return self._banks == (1, 1)


class Writer(Loader):
    """Write a beat a cycle."""

    def __init__(self, plan):
        self.plan = plan
        super().__init__(plan, {"addr": Out(range(plan.memory("v").depth)), "en": Out(1)})

    def elaborate(self, platform):
        m = Module()
        count = Signal(range(self.plan.tokens))
        last = count == self.plan.tokens - 1
        m.d.comb += [
            self.i.ready.eq(self.free & ~self.full),
            self.en.eq(self.i.valid & self.i.ready),
            self.addr.eq(Cat(count, self.bank)),
        ]
        m.d.sync += self.full.eq(self.en & last)
        with m.If(self.en):
            m.d.sync += count.eq(count + 1)
            with m.If(last):
                m.d.sync += count.eq(0)
        return m


class Adder(Engine):
    """Read a word a cycle, add one, and write it a cycle later."""

    def __init__(self, plan):
        self.plan = plan
        super().__init__(plan, {}, parts=1)

    def elaborate(self, platform):
        m = Module()
        count, late = Signal(range(self.plan.tokens + 1)), Signal(range(self.plan.tokens))
        reads = self.busy & (count != self.plan.tokens)
        writes = Signal()
        m.d.comb += [
            self.v_addr.eq(Cat(count[: len(late)], self.bank)),
            self.o_addr.eq(Cat(late, self.bank_out)),
            self.o_data.eq(self.v_data + 1),
            self.o_en.eq(writes),
            self.done.eq(writes & ~reads),
        ]
        m.d.sync += [late.eq(count), writes.eq(reads), count.eq(count + reads)]
        with m.If(self.done):
            m.d.sync += [count.eq(0), self.busy.eq(0)]
        with m.Elif(~self.busy & self.ready):
            m.d.sync += self.busy.eq(1)
        return m


class Layer(BankedLayer):
    """Writer, adder and unloader."""

    order = "score"

    def __init__(self, design):
        self.plan = Plan(design)
        super().__init__(design)

    def compute_cycles(self, arrays=None):
        return RUNS * (self.plan.tokens + 1)

    def elaborate(self, platform):
        m = Module()
        plan, loader, engine = self.plan, Writer(self.plan), Adder(self.plan)
        unloader = self._join(m, loader, engine, engine.done)
        v = add_memory(m, plan.memory("v"))
        v.write(m, loader.addr, loader.i.payload.data, loader.en)
        m.d.comb += engine.v_data.eq(v.read(m, engine.v_addr))
        self._send(m, engine, unloader)
        return m


def layer(tokens, buffers, ebr=30):
    folding, target = SimpleNamespace(buffers=buffers), SimpleNamespace(resources=resources(ebr))
    design = {"tokens": tokens, "beat": BEAT, "lanes": BEAT, "folding": folding, "target": target}
    return Layer(SimpleNamespace(**design))


def resources(ebr):
    return Resources(ebr=ebr, spram=4, dsp=8)


def run(dut, beats, *, stalls, seed):
    """Send beats; give those that come, where ``last`` is, and cycles in all and of work."""
    draw = random.Random(seed)
    found, lasts, cycles = [], [], [0, 0]

    async def bench(ctx):
        left = list(beats)
        while len(found) < len(beats):
            ctx.set(dut.i.valid, bool(left) and draw.random() >= stalls)
            ctx.set(dut.i.payload.data, left[0] if left else 0)
            ctx.set(dut.o.ready, draw.random() >= stalls)
            if ctx.get(dut.i.valid) and ctx.get(dut.i.ready):
                left.pop(0)
            if ctx.get(dut.o.valid) and ctx.get(dut.o.ready):
                found.append(ctx.get(dut.o.payload.data))
                lasts.append(ctx.get(dut.o.payload.last))
            cycles[0] += 1
            cycles[1] += ctx.get(dut.busy)
            assert cycles[0] < 20 * len(beats) + 100
            await ctx.tick()

    simulator = Simulator(dut)
    add_clock(simulator)
    simulator.add_testbench(bench)
    simulator.run()
    return found, lasts, *cycles


@pytest.mark.parametrize("buffers", [1, 2])
@pytest.mark.parametrize("tokens", [1, 5, 8])
@pytest.mark.parametrize("stalls", [0.0, 0.5])
def test_every_beat_comes_through_its_bank(tokens, buffers, stalls):
    dut = layer(tokens, buffers)
    draw = random.Random(tokens)
    beats = [draw.getrandbits(BEAT) for _ in range(2 * RUNS * tokens)]
    found, lasts, _, busy = run(dut, beats, stalls=stalls, seed=buffers)
    assert found == [(beat + 1) % (1 << BEAT) for beat in beats]
    assert lasts == ([0] * (RUNS * tokens - 1) + [1]) * 2
    assert busy == 2 * dut.compute_cycles()


def test_two_banks_let_the_stages_overlap():
    beats = [0] * (4 * RUNS * 8)
    alone, both = (run(layer(8, n), beats, stalls=0, seed=1)[2] for n in (1, 2))
    assert alone > 2 * len(beats) > both


@pytest.mark.parametrize(("tokens", "banks"), [(128, 2), (256, 2), (300, 1), (512, 1)])
def test_second_banks_are_taken_where_they_are_free(tokens, banks):
    """An EBR of words of 8 bits has 512 of them."""
    plan = layer(tokens, "auto").plan
    assert (plan.in_banks, plan.out_banks) == (banks, banks)
    assert [shape.depth for shape in plan.memories] == [banks << (tokens - 1).bit_length()] * 2


def test_memories_go_to_spram_where_the_plan_lets_them():
    assert layer(2048, 1, ebr=7).plan.single_ported == {"v"}
    assert layer(2048, 2, ebr=7).plan.single_ported == frozenset()


def test_says_what_it_is_made_of():
    found = layer(5, 2).manifest()
    assert list(found) == ["memories", "banks", "order", "passes", "compute_cycles"]
    assert found["banks"] == {"input": 2, "output": 2}
    assert [memory["name"] for memory in found["memories"]] == ["v", "o"]
