import re

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.design import Design
from spikeloom.golden.attention.beats import counts, pack, unpack
from spikeloom.golden.attention.formula import attention
from spikeloom.hdl.attention.layer import AttentionLayer
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.cxxrtl import CxxrtlModel
from spikeloom.sim.events import run_events
from spikeloom.sim.pysim import run_pysim
from spikeloom.sim.simulate import run, simulate
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import SimulationError, Stimulus, Traffic
from spikeloom.sim.verilog import to_rtlil, to_verilog


def layer(**options):
    return Design.from_dict(
        {"name": "layer", "tokens": 5, "dim": 12, "heads": 3, "steps": 2, **options}
    )


DESIGNS = {
    "and": layer(),
    "xnor gray soft": layer(similarity="xnor", position="gray", reset="soft", scale="1/16"),
    "hamming log if": layer(similarity="hamming", position="log", neuron="if", scale="1/16"),
    "alpha shift rows": layer(
        **{"similarity": "alpha-xnor", "alpha": 0.25, "position": "shift", "folding": {"rows": 2}},
        shift={"groups": 2},
    ),
    "gate rows": layer(gate=1, scale="1/2", folding={"rows": 2}),
    "shift grid": layer(tokens=6, position="shift", shift={"groups": 4, "grid": [2, 3]}),
    "heads": layer(
        **{"similarity": "alpha-xnor", "alpha": [0.125, 0.5, 0.75], "scale": [0.1, "1/8", 0.03]},
    ),
    "drive": layer(neuron="none", similarity="xnor"),
    "bits": layer(target={"beat": 1}, folding={"lanes": 2}),
    "wide": layer(target={"beat": 64}),
}


def mixed(design):
    """Inferences that differ, so that state left over from one shows in the next."""
    rates = (0.5, 1.0, 0.0, 0.7)
    inputs = [draw_spikes(design, rate=rate, seed=i) for i, rate in enumerate(rates)]
    return inputs, np.stack([pack(design, **arrays) for arrays in inputs])


def check(design, inputs, traffic):
    answers = [unpack(design, frame) for frame in traffic.frames]
    for arrays, answer in zip(inputs, answers, strict=True):
        assert (answer == attention(design, **arrays)).all()
    assert any(answer.any() for answer in answers)
    layer = AttentionLayer(design)
    assert traffic.compute_cycles == layer.compute_cycles()
    assert traffic.busy == len(inputs) * layer.compute_cycles()


@pytest.mark.cocotb
@pytest.mark.parametrize("name", DESIGNS)
def test_stalls_and_inferences_back_to_back(name, event_simulator):
    design = DESIGNS[name]
    inputs, frames = mixed(design)
    stimulus = Stimulus(frames, counts(design).outputs, stalls=0.4, seed=11)
    check(design, inputs, run(design, stimulus, simulator=event_simulator))


@pytest.mark.parametrize("stalls", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("name", DESIGNS)
def test_compiled_equals_golden(name, stalls):
    design = DESIGNS[name]
    inputs, frames = mixed(design)
    stimulus = Stimulus(frames, counts(design).outputs, stalls=stalls, seed=2)
    check(design, inputs, run(design, stimulus))


@pytest.mark.cocotb
@pytest.mark.parametrize("name", ["and", "alpha shift rows"])
def test_simulators_agree_on_every_number(name, event_simulator):
    design = DESIGNS[name]
    spikes = draw_spikes(design, rate=0.8, seed=4)
    answers = [
        simulate(design, **spikes, simulator=s) for s in ("cxxrtl", "pysim", event_simulator)
    ]
    golden = simulate(design, **spikes, target="golden")
    assert set(answers[0].numbers) == {"cycles", "compute_cycles", "interval"}
    for answer in answers:
        assert (answer.values == golden.values).all()
        assert answer.numbers == answers[0].numbers


def test_batch_is_answered_in_order():
    design = DESIGNS["and"]
    inputs, _ = mixed(design)
    batch = {name: np.stack([arrays[name] for arrays in inputs]) for name in "qkv"}
    answer = simulate(design, **batch)
    assert answer.values.shape == (4, 2, 5, 12)
    assert (answer.values == simulate(design, **batch, target="golden").values).all()


def test_verilog_is_the_same_twice():
    design = DESIGNS["xnor gray soft"]
    first, second = (to_verilog(AxiStreamTop(design), "layer") for _ in range(2))
    assert first == second
    assert "/" not in re.sub(r"/\*.*?\*/|//", "", first).replace("assign", "")


class Faulty(wiring.Component):
    """Gives back two beats for two, unless it has a fault."""

    def __init__(self, fault=""):
        self._fault = fault
        super().__init__(
            {
                **{"s_axis_tdata": In(8), "s_axis_tvalid": In(1), "s_axis_tready": Out(1)},
                **{"m_axis_tdata": Out(8), "m_axis_tvalid": Out(1), "m_axis_tready": In(1)},
                **{"s_axis_tlast": In(1), "m_axis_tlast": Out(1), "busy": Out(1)},
            }
        )

    def elaborate(self, platform):
        m = Module()
        full, second, waited, data = Signal(), Signal(), Signal(3), Signal(8)
        m.d.comb += [
            self.s_axis_tready.eq(~full),
            self.m_axis_tvalid.eq(full),
            self.m_axis_tdata.eq(data),
            self.m_axis_tlast.eq(second),
        ]
        with m.If(full):
            m.d.sync += waited.eq(waited + 1)
            with m.If(self.m_axis_tready):
                m.d.sync += [full.eq(self._fault == "surplus"), second.eq(~second), waited.eq(0)]
        with m.Elif(self.s_axis_tvalid):
            m.d.sync += [full.eq(1), data.eq(self.s_axis_tdata)]
        if self._fault == "dropped":
            m.d.comb += self.m_axis_tvalid.eq(full & (waited != 1))
        if self._fault == "changed":
            m.d.comb += self.m_axis_tdata.eq(data + (waited == 1))
        if self._fault == "last":
            m.d.comb += self.m_axis_tlast.eq(1)
        if self._fault in ("stuck", "stuck at work"):
            m.d.comb += self.m_axis_tvalid.eq(0)
        if self._fault == "stuck at work":
            m.d.comb += self.busy.eq(1)
        if self._fault == "late last":
            m.d.comb += self.m_axis_tlast.eq(second & (waited != 1))
        return m


FRAMES = np.array([[1, 2], [3, 4], [5, 6], [7, 8]], dtype=np.uint64)
FAULTS = {
    "dropped": "must stay valid",
    "changed": "changed|must not change",
    "last": "tlast",
    "late last": "changed|must not change",
    "surplus": "offers (another|a surplus)|tlast|beats came",
    "stuck": "stuck",
    "stuck at work": "stuck",
}


def backends(event_simulator):
    return {
        "cxxrtl": lambda dut, stimulus: CxxrtlModel(to_rtlil(dut)).run(stimulus),
        "pysim": run_pysim,
        "event": lambda dut, stimulus: run_events(
            to_verilog(dut), stimulus, simulator=event_simulator
        ),
    }


@pytest.mark.cocotb
@pytest.mark.parametrize("backend", ["cxxrtl", "pysim", "event"])
def test_sound_design_passes(backend, event_simulator):
    stimulus = Stimulus(FRAMES, 2, stalls=0.5, seed=3, patience=50)
    traffic = backends(event_simulator)[backend](Faulty(), stimulus)
    assert (traffic.frames == FRAMES).all()
    assert traffic.busy == 0


@pytest.mark.cocotb
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("backend", ["cxxrtl", "pysim", "event"])
def test_every_backend_notices(backend, fault, event_simulator):
    stimulus = Stimulus(FRAMES, 2, stalls=0.5, seed=3, patience=50, work=200)
    with pytest.raises(SimulationError, match=FAULTS[fault]):
        backends(event_simulator)[backend](Faulty(fault), stimulus)


def test_interval_needs_two_inferences():
    traffic = Traffic(FRAMES[:1], first_in=(4,), last_out=(9,), busy=3)
    assert traffic.interval is None
    assert traffic.cycles == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "silicon"}, r"^Target must be one of golden, rtl, netlist, not 'silicon'$"),
        ({"simulator": "vcs"}, r"^Simulator must be one of cxxrtl, icarus, .* not 'vcs'$"),
        ({"target": "netlist", "simulator": "pysim"}, r"^Simulator must .* not 'pysim'$"),
        ({"stalls": 1.0}, r"^Stalls must be a probability below 1, not 1\.0$"),
        ({"seed": -1}, r"^Seed must be a non-negative integer, not -1$"),
    ],
)
def test_wrong_requests(options, message):
    spikes = draw_spikes(DESIGNS["and"], rate=0.5, seed=0)
    with pytest.raises(ValueError, match=message):
        simulate(DESIGNS["and"], **spikes, **options)


def test_waves(tmp_path):
    design = DESIGNS["and"]
    spikes = draw_spikes(design, rate=0.5, seed=0)
    for simulator in ("cxxrtl", "pysim"):
        trace = tmp_path / f"{simulator}.vcd"
        simulate(design, **spikes, simulator=simulator, trace=trace)
        assert "s_axis_tvalid" in trace.read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"cxxrtl.vcd", "pysim.vcd"}
