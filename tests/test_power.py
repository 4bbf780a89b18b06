"""What a layer needs after configuration, and what heals it when a bit flips."""

import random

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, ResetInserter, Shape, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import connect, flipped

from spikeloom.design import Design
from spikeloom.generating import describe
from spikeloom.golden.kinds import model
from spikeloom.hdl.kinds import component
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.cxxrtl import CxxrtlModel
from spikeloom.sim.pysim import run_pysim
from spikeloom.sim.simulate import netlist_verilog
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import SimulationError, Stimulus
from spikeloom.sim.verilog import to_rtlil

ASLEEP = 40
TINY = {"tokens": 3, "dim": 4, "heads": 1, "steps": 2, "scale": 1}
FIVE = {**TINY, "tokens": 5}
MASK = {"kind": "mask", "tokens": 12, "dim": 12, "heads": 1, "steps": 2, "threshold": 1}
STATE = {"order": "state"}
PROJECTION = {
    **{"kind": "projection", "tokens": 2, "inputs": 3, "dim": 4, "steps": 2, "lanes": 2},
    **{"weights": {"values": [[3, -1, 2], [-2, 4, 1], [1, 1, 1], [2, 3, -3]], "bits": 4}},
    **{"bias": {"values": [1, 0, 2, 1]}, "threshold": 2, "target": {"beat": 2}},
}
MATRICES = {
    **{"A": np.array([0.95, 0.9, 0.99]), "B": np.array([[0.6, -0.4], [0.3, 0.5], [-0.2, 0.4]])},
    **{"C": np.array([[0.5, 0.2, 0.7], [0.4, -0.3, 0.6]])},
}
LAYERS = {
    "score": {**TINY, "similarity": "hamming", "reset": "soft"},
    "state": {**FIVE, "folding": STATE, "threshold": 3, "reset": "soft"},
    "xnor-gray": {
        **{**TINY, "similarity": "xnor", "position": "gray", "scale": 0.25, "reset": "soft"},
        **{"folding": {**STATE, "lanes": 2}, "target": {"beat": 2}},
    },
    "shift": {**FIVE, "position": "shift", "shift": {"groups": 1}, "folding": STATE},
    "wide": {**FIVE, "folding": {**STATE, "spikes": 2}},
    "heads": {**FIVE, "heads": 2, "folding": {**STATE, "heads": 2}},
    "integer": {"kind": "integer-attention", "tokens": 3, "dim": 4, "heads": 1, "steps": 2},
    "rate": {"kind": "rate-attention", "tokens": 2, "dim": 2, "steps": 2},
    "token-mask": {**MASK, "attention": "qk-token", "reset": "soft"},
    "channel-mask": {**MASK, "attention": "qk-channel", "reset": "soft"},
    "sdsa": {**MASK, "attention": "sdsa", "reset": "soft"},
    "state-space": {"kind": "state-space", "steps": 3, "dim": 2, "state": 3, "matrices": MATRICES},
    "projection": PROJECTION,
    "residual": {"kind": "residual", "tokens": 2, "dim": 3, "steps": 2},
}
# Layers here whose first answer is wrong after too short a reset. Others come to what block memory
# holds after it is awake, which a faster clock would change.
HARMED = {"score", "state", "xnor-gray", "wide", "heads", "sdsa", "state-space", "projection"}
# Memories of which a part is never written, by layer. Whatever else is here is found by the test.
RELIES = {
    "state": {"v": "zero", "state": "zero"},
    "xnor-gray": {
        **{"v": "zero", "state": "zero", "membrane": "zero"},
        **{"sums": "ones", "counts": "ones"},
    },
    "shift": {"v": "zero", "state": "zero"},
    "wide": {"v0": "zero", "v1": "zero", "state0": "zero", "state1": "zero"},
    "heads": {"v": "zero", "state": "zero"},
    "integer": {"state": "zero"},
    "rate": {"state": "zero"},
    "projection": {"weights": "table", "state": "table"},
    "state-space": {"a": "table", "b": "table", "c": "table"},
}


def make(keys):
    return Design.from_dict({"name": "layer", **keys})


def exchange(design, *, rates=(0.4, 1.0), **options):
    """What to send, the second time as many spikes as there can be; what must come back.

    No inference may take longer than the layer's own watchdog says.
    """
    golden = model(design)
    inputs = [draw_spikes(design, rate=rate, seed=n) for n, rate in enumerate(rates)]
    frames = np.stack([golden.pack(arrays) for arrays in inputs])
    limit = component(design).watchdog_cycles
    stimulus = Stimulus(frames, golden.beats_out, patience=limit, work=limit, **options)
    want = [golden.answer(arrays) for arrays in inputs]
    assert any(answer.any() for answer in want)
    return stimulus, want


def right(design, traffic, want):
    """Say of each inference whether it was answered rightly."""
    golden = model(design)
    return [
        bool((golden.unpack(frame) == answer).all())
        for frame, answer in zip(traffic.frames, want, strict=True)
    ]


# Power-up


class Held(wiring.Component):
    """A layer in reset for the first cycles, in which it takes no beat."""

    def __init__(self, design, cycles):
        self._top, self._cycles = AxiStreamTop(design), cycles
        super().__init__(self._top.signature)

    def elaborate(self, platform):
        m = Module()
        rest = Signal(range(self._cycles + 1), init=self._cycles)
        rst = Signal()
        m.submodules.top = ResetInserter(rst)(self._top)
        m.d.comb += rst.eq(rest != 0)
        with m.If(rst):
            m.d.sync += rest.eq(rest - 1)
        connect(m, self._top, flipped(self))
        m.d.comb += [
            self._top.s_axis_tvalid.eq(self.s_axis_tvalid & ~rst),
            self.s_axis_tready.eq(self._top.s_axis_tready & ~rst),
        ]
        return m


class Sleeping(memory.Memory):
    """Block memory whose reads give 0 in the first cycles, and stay until the next read."""

    made = 0

    def read_port(self, **options):
        inner = super().read_port(**options)
        outer = memory.ReadPort(inner.signature, memory=None, domain="sync")
        self.reads = [*getattr(self, "reads", []), (inner, outer)]
        return outer

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = super().elaborate(platform)
        age = Signal(range(ASLEEP + 1), reset_less=True)
        block = "block" in self.attrs.values()
        type(self).made += block
        with m.If(age != ASLEEP):
            m.d.sync += age.eq(age + 1)
        for inner, outer in self.reads:
            blind = Signal(reset_less=True)
            with m.If(outer.en):
                m.d.sync += blind.eq((age != ASLEEP) & block)
            m.d.comb += [
                *(inner.addr.eq(outer.addr), inner.en.eq(outer.en)),
                Value.cast(outer.data).eq(Mux(blind, 0, Value.cast(inner.data))),
            ]
        return m


@pytest.mark.parametrize("name", LAYERS)
def test_what_is_read_in_reset_is_read_again(name, monkeypatch):
    design = make(LAYERS[name])
    stimulus, want = exchange(design)
    monkeypatch.setattr(Sleeping, "made", 0)
    monkeypatch.setattr(memory, "Memory", Sleeping)
    assert all(right(design, run_pysim(Held(design, ASLEEP + 1), stimulus), want))
    assert (Sleeping.made > 0) is (name != "residual")
    try:
        answered = right(design, run_pysim(Held(design, 3), stimulus), want)
    except SimulationError:
        answered = [False]
    assert all(answered) is (name not in HARMED)


@pytest.mark.synth
@pytest.mark.parametrize("name", ["projection", "residual"])
def test_reset_outlasts_the_sleep_of_block_memory(name):
    design = make(LAYERS[name])
    source = netlist_verilog(design, to_rtlil(AxiStreamTop(design), design.module))
    block = "SB_RAM40_4K" in source
    assert block is (name != "residual")
    netlist = CxxrtlModel(source, toplevel=design.module, netlist=True, asleep=ASLEEP)
    stimulus, want = exchange(design, reset=3)
    try:
        answered = right(design, netlist.run(stimulus), want)[0]
    except SimulationError:
        answered = False
    assert answered is not block
    stimulus, _ = exchange(design, reset=ASLEEP + 1)
    assert all(right(design, netlist.run(stimulus), want))
    # Once awake, it stays so: a later reset, in the middle of an inference, takes one cycle.
    for cycle in range(1, 90):
        _, traffic = netlist.upset(stimulus, bit=None, cycle=cycle)
        assert all(right(design, traffic, want)), cycle


@pytest.mark.parametrize(("mhz", "cycles"), [(48, 720), (12, 180), (12.1, 182)])
def test_description_says_how_long_to_reset(mhz, cycles):
    reset = describe(make({**TINY, "target": {"clock_mhz": mhz}}))["reset"]
    assert reset["after_configuration"] == {"microseconds": 15, "cycles": cycles}
    assert reset["later"] == {"cycles": 1}


def test_description_gives_the_watchdog():
    design = make(LAYERS["state"])
    latency = describe(design)["latency"]
    assert latency["watchdog_cycles"] == 2 * latency["compute_cycles"] + 1000
    # Held up by nobody, a layer that is right never is still for so long: exchange() asks for it.
    assert exchange(design)[0].work == latency["watchdog_cycles"]


@pytest.mark.parametrize("asleep", [-1, 1 << 16])
def test_sleep_beyond_the_counter_is_refused(asleep):
    with pytest.raises(ValueError, match=f"Cycles asleep must be 0 to 65535, not {asleep}"):
        CxxrtlModel("", asleep=asleep)


# What is relied on and never written


def written(chosen, seed):
    """Memories of which those that are written, and chosen by shape, begin with anything."""
    shapes = []

    class Drawn(memory.Memory):
        def write_port(self, **options):
            shape = (Shape.cast(self.shape).width, self.depth)
            if not self.write_ports:
                draw = random.Random(f"{shape} {seed}")
                shapes.append(shape)
                if chosen(shape):
                    self.init = [draw.getrandbits(shape[0]) for _ in range(self.depth)]
            return super().write_port(**options)

    return Drawn, shapes


def answers(design, chosen, monkeypatch, seed=0):
    """Answer with drawn contents of memories; also give the shapes of all that are written."""
    stimulus, want = exchange(design)
    with monkeypatch.context() as patch:
        store, shapes = written(chosen, seed)
        patch.setattr(memory, "Memory", store)
        try:
            traffic = run_pysim(AxiStreamTop(design), stimulus)
        except SimulationError:
            return False, shapes
    return all(right(design, traffic, want)), shapes


@pytest.mark.parametrize("name", LAYERS)
def test_contents_are_relied_on_where_the_description_says_so(name, monkeypatch):
    design = make(LAYERS[name])
    memories = describe(design)["layout"]["memories"]
    said = {m["name"]: m["initial"] for m in memories if m["initial"] != "any"}
    assert said == RELIES.get(name, {})
    # A memory that is built is known by its shape: what shares one must be marked alike, or else
    # the layer of this test is no good.
    marked = {(m["width"], m["depth"]) for m in memories if m["initial"] != "any"}
    assert not marked & {(m["width"], m["depth"]) for m in memories if m["initial"] == "any"}
    fine, shapes = answers(design, lambda shape: shape not in marked, monkeypatch)
    assert fine, "a memory is relied on that is not marked"
    for shape in marked.intersection(shapes):
        fine, _ = answers(design, shape.__eq__, monkeypatch)
        assert not fine, f"{shape} is marked, and nothing relies on it"


def test_single_port_memory_relies_on_nothing():
    # 1024 tokens: what block memory does not hold lies where nothing is zero.
    keys = {"tokens": 1024, "dim": 768, "heads": 12, "steps": 4, "folding": {**STATE, "lanes": 8}}
    memories = describe(make(keys))["layout"]["memories"]
    moved = [m for m in memories if m["spram"]]
    assert moved
    assert {m["initial"] for m in moved} == {"any"}


# Upsets of registers


def test_one_cycle_of_reset_heals_every_register():
    design = make({**TINY, "position": "gray", "folding": {**STATE, "lanes": 1}})
    stimulus, want = exchange(design)
    rtl = CxxrtlModel(to_rtlil(AxiStreamTop(design)), trace=True)
    registers = rtl.registers(stimulus)
    assert registers > 100
    faults = []
    for bit in range(registers):
        for cycle in (10, 50, 90):
            fault, traffic = rtl.upset(stimulus, bit=bit, cycle=cycle)
            assert all(right(design, traffic, want)), (bit, cycle)
            faults.append(fault)
    # Some flips did harm: the protocol shows it, or the watchdog's cycles pass without a beat.
    assert any("stuck" in fault for fault in faults)
