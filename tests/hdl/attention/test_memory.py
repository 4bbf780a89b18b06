import random
import re

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.attention.layer import AttentionLayer
from spikeloom.hdl.frame.memory import SinglePortMemory
from spikeloom.sim.rows import run as stream_rows

from ...designs import check, layer

BASE = {
    **{"tokens": 5, "head_dim": 12, "steps": 3, "rows": 2, "lanes": 4, "beat": 8, "heads": 2},
    **{"buffers": "auto", "grid": 1, "similarity": "xnor", "position": "none", "neuron": "soft"},
}
ROWS = {
    "membranes": {},
    "one pass and block": {"tokens": 1, "rows": 1, "lanes": 32, "head_dim": 4, "neuron": "hard"},
    "one bank": {"buffers": 1, "neuron": "hard", "similarity": "and"},
    "two banks": {"buffers": 2, "neuron": "if-soft"},
    "assembled tokens": {"position": "shift", "buffers": 2, "neuron": "hard-tau4"},
    "tables": {"position": "shift-log", "tokens": 3, "rows": 1},
    "drives": {"neuron": "none", "buffers": 2, "similarity": "alpha-xnor"},
    "narrow beats": {"beat": 4, "lanes": 1, "tokens": 3, "buffers": 2},
}


def spiteful(fill):
    """A memory that gives the complement of a word that is written in the cycle it is read.

    Synthesis may take any word there. With ``fill`` what a memory without contents holds at first
    is drawn too: nothing may depend on it, since block memory keeps what an earlier inference left.
    """
    made = []

    class Spiteful(memory.Memory):
        def __init__(self, data=None, **options):
            if fill and data is None and not len(options["init"]):
                draw = random.Random(len(made))
                width = options["shape"]
                options["init"] = [draw.getrandbits(width) for _ in range(options["depth"])]
            super().__init__(data, **options)
            self.reads = []
            made.append(self)

        def read_port(self, **options):
            inner = super().read_port(**options)
            outer = memory.ReadPort(inner.signature, memory=None, domain="sync")
            self.reads.append((inner, outer))
            return outer

        def elaborate(self, platform):
            m = Module()
            m.submodules.memory = super().elaborate(platform)
            for inner, outer in self.reads:
                collided = Signal()
                clash = [
                    Value.cast(port.en).any() & (port.addr == outer.addr)
                    for port in self.write_ports
                ]
                with m.If(outer.en):
                    m.d.sync += collided.eq(Cat(clash).any())
                word = Value.cast(inner.data)
                m.d.comb += [
                    inner.addr.eq(outer.addr),
                    inner.en.eq(outer.en),
                    Value.cast(outer.data).eq(word ^ collided.replicate(len(word))),
                ]
            return m

    return Spiteful, made


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize("name", ROWS)
def test_no_read_that_meets_a_write_is_used(name, stalls, monkeypatch):
    design = layer({**BASE, **ROWS[name]})
    store, made = spiteful(fill=True)
    monkeypatch.setattr(memory, "Memory", store)
    golden = check(design, stalls=stalls, seed=5)
    assert any(answer.any() for answer in golden)
    written = [(m.shape, m.depth) for m in made if m.write_ports]
    expected = [(shape.width, shape.depth) for shape in AttentionLayer(design).plan.memories]
    assert sorted(written) == sorted(expected)


STATE_ROWS = {
    "and": {"similarity": "and", "neuron": "hard"},
    "xnor": {"neuron": "hard"},
    "xnor-one-token": {"similarity": "xnor", "tokens": 1, "neuron": "hard", "steps": 3},
    "xnor-shift": {"similarity": "xnor", "position": "shift", "neuron": "hard-tau4", "tokens": 12},
    "alpha-log": {"similarity": "alpha-xnor", "position": "log", "neuron": "soft", "tokens": 12},
    "hamming-gray": {"similarity": "hamming", "position": "gray", "neuron": "if-hard"},
}


@pytest.mark.parametrize("rate", [0.1, 0.6])
@pytest.mark.parametrize("name", STATE_ROWS)
def test_no_read_that_meets_a_write_is_used_in_state_order(name, rate, monkeypatch):
    # Here memories begin as zeros, as block memory does: what is not to be added is read there.
    design = layer({**BASE, "rows": 1, **STATE_ROWS[name]}, "state")
    store, made = spiteful(fill=False)
    monkeypatch.setattr(memory, "Memory", store)
    check(design, stalls=0.3, seed=5, rates=(rate, 0.7))
    assert "state" in {shape.name for shape in AttentionLayer(design).plan.memories}
    assert made


class Delayed(wiring.Component):
    """Writes every number to the same word and reads it ``wait`` cycles later."""

    def __init__(self, wait):
        self._wait = wait
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.store = store = memory.Memory(shape=8, depth=2, init=[], attrs={})
        write, read = store.write_port(), store.read_port()
        parity = Signal()
        m.d.sync += parity.eq(~parity)
        m.d.comb += [
            *(write.en.eq(1), write.addr.eq(parity), write.data.eq(self.i)),
            *(read.addr.eq(parity ^ self._wait), self.o.eq(read.data)),
        ]
        return m


def test_spiteful_memory_spoils_what_is_read_too_early(monkeypatch):
    numbers = list(range(20, 40))
    rows = [{"i": number} for number in numbers]
    plain = [stream_rows(Delayed(wait), rows, latency=1) for wait in (0, 1)]
    store, made = spiteful(fill=False)
    monkeypatch.setattr(memory, "Memory", store)
    spoilt = [stream_rows(Delayed(wait), rows, latency=1) for wait in (0, 1)]
    assert len(made) == 2
    # In the same cycle, the word of two cycles before; one later, the word of the cycle before.
    assert plain[0][2:] == numbers[:-2]
    assert spoilt[0][2:] == [number ^ 255 for number in numbers[:-2]]
    assert plain[1][1:] == spoilt[1][1:] == numbers[:-1]


@pytest.mark.parametrize(("width", "depth"), [(16, 256), (20, 16_384), (4, 32_768)])
def test_single_ported_memory_is_never_asleep(width, depth):
    """Inputs that the simulators' model may ignore: constants, in every SPRAM of a memory."""
    text = rtlil.convert(SinglePortMemory(width, depth, granularity=4))
    blocks = -(-width // 16) * -(-depth // 16_384)
    assert text.count("cell \\SB_SPRAM256KA") == blocks
    for name, level in (("STANDBY", 0), ("SLEEP", 0), ("POWEROFF", 1)):
        assert re.findall(rf"connect \\{name} (\S+)", text) == [f"1'{level}"] * blocks
