import itertools

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.kinds import model
from spikeloom.hdl.residual import ResidualLayer
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.pysim import run_pysim
from spikeloom.sim.simulate import run
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import Stimulus

RATES = (0.5, 1.0, 0.0, 0.7)
LEVELS = [(1, 1), (2, 1), (3, 1), (1, 5), (5, 5), (7, 8), (255, 255)]


def make(**keys):
    return Design.from_dict({"kind": "residual", "tokens": 3, "dim": 11, "steps": 2, **keys})


def check(design, *, stalls=0.0, seed=0, inputs=None, send=None):
    golden = model(design)
    if inputs is None:
        inputs = [draw_spikes(design, rate=rate, seed=n) for n, rate in enumerate(RATES)]
    frames = np.stack([golden.pack(arrays) for arrays in inputs])
    stimulus = Stimulus(frames, golden.beats_out, stalls=stalls, seed=seed, patience=5000)
    traffic = run_pysim(AxiStreamTop(design), stimulus) if send is None else send(design, stimulus)
    for arrays, frame in zip(inputs, traffic.frames, strict=True):
        assert (golden.unpack(frame) == golden.answer(arrays)).all()
    assert traffic.busy == len(inputs) * ResidualLayer(design).compute_cycles()
    return traffic


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize("beat", [1, 4, 8, 16])
@pytest.mark.parametrize(("levels", "branch"), LEVELS)
def test_sums(levels, branch, beat, stalls):
    check(make(levels=levels, branch_levels=branch, target={"beat": beat}), stalls=stalls, seed=1)


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize("dim", [1, 8, 11, 16])
@pytest.mark.parametrize("mode", ["xor", "or", "iand"])
def test_logic(mode, dim, stalls):
    check(make(mode=mode, dim=dim), stalls=stalls, seed=2)


def test_every_pair_of_numbers():
    pairs = np.array([*itertools.product(range(16), range(8))])
    x, z = pairs.T.reshape(2, 1, 1, -1)
    check(make(tokens=1, steps=1, dim=128, levels=15, branch_levels=7), inputs=[{"x": x, "z": z}])


def test_a_beat_a_cycle():
    """Without a last carry the input never waits: a cycle a beat, and two to go through."""
    golden = model(make(levels=2))
    traffic = check(make(levels=2))
    assert traffic.cycles <= golden.beats_in + 2
    assert traffic.interval == golden.beats_in


def test_bits_beyond_the_last_channel():
    """Nor do numbers there that are out of range carry over into the next token."""
    for mode in ("add", "xor", "or", "iand"):
        design = make(mode=mode, levels=2 if mode == "add" else 1)
        golden = model(design)
        x = draw_spikes(design, rate=0.5, seed=3)
        dirty = golden.pack(x).reshape(6, 2, -1)
        dirty[:, 1] |= np.uint64(0xF8)
        stimulus = Stimulus(dirty.reshape(1, -1), golden.beats_out)
        frame = run_pysim(AxiStreamTop(design), stimulus).frames[0]
        assert (golden.unpack(frame) == golden.answer(x)).all()
        planes = golden.beats_out // 12
        assert (frame.reshape(6, 2, planes)[:, 1] < 8).all()


@pytest.mark.synth
@pytest.mark.parametrize("keys", [{"levels": 3}, {"mode": "iand"}], ids=str)
def test_netlist(keys):
    check(
        make(**keys),
        stalls=0.3,
        send=lambda design, stimulus: run(design, stimulus, target="netlist"),
    )


@pytest.mark.cocotb
def test_event_simulator(event_simulator):
    check(
        make(levels=2),
        stalls=0.3,
        send=lambda design, stimulus: run(design, stimulus, simulator=event_simulator),
    )
