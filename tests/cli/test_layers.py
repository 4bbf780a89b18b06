"""Examples of projections and residual connections: command line, netlist, report."""

import json

import numpy as np
import pytest

from spikeloom.cli import main
from spikeloom.design import load_design
from spikeloom.golden.kinds import model
from spikeloom.hdl.kinds import component
from spikeloom.sim.simulate import simulate
from spikeloom.sim.spikes import draw_spikes

from ..tools import example

NAMES = ("projection", "projection-add", "residual-add", "residual-xor")


def path(name):
    return example(f"tiny-32x64-{name}")


def run(capfd, *arguments):
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as error:
        code = error.code
    out, err = capfd.readouterr()
    return code, out, err


@pytest.mark.synth
@pytest.mark.parametrize("name", NAMES)
def test_simulate_and_generate(name, tmp_path, capfd):
    answer = tmp_path / "out.npz"
    code, out, err = run(
        capfd, "simulate", path(name), "--check", "--json", "--stalls", "0.2", "--output", answer
    )
    assert code == 0, err
    design = load_design(path(name))
    predicted = component(design).compute_cycles(draw_spikes(design, rate=0.2, seed=0))
    assert json.loads(out)["compute_cycles"] == predicted
    with np.load(answer) as file:
        values = file[model(design).output.name]
    assert values.any()
    code, _, err = run(capfd, "generate", path(name), "-o", tmp_path / "made")
    assert code == 0, err
    described = json.loads((tmp_path / "made" / f"tiny-32x64-{name}.json").read_text())
    assert described["latency"]["compute_cycles"] == component(design).compute_cycles()
    assert described["beats"]["out"]["beats"] == model(design).beats_out


@pytest.mark.synth
@pytest.mark.parametrize("name", ["projection", "residual-add"])
def test_netlist(name):
    design = load_design(path(name))
    spikes = draw_spikes(design, rate=0.3, seed=2)
    answer = simulate(design, spikes, target="netlist")
    assert (answer.values == model(design).answer(spikes)).all()
    assert answer.numbers["compute_cycles"] == component(design).compute_cycles(spikes)


@pytest.mark.cocotb
@pytest.mark.parametrize("name", ["projection", "residual-add"])
def test_event_simulator(name, event_simulator):
    design = load_design(path(name))
    spikes = draw_spikes(design, rate=0.3, seed=2)
    answer = simulate(design, spikes, simulator=event_simulator)
    assert (answer.values == model(design).answer(spikes)).all()
    assert answer.numbers["compute_cycles"] == component(design).compute_cycles(spikes)


def test_what_does_not_fit_is_refused_in_one_line(tmp_path, capfd):
    np.save(tmp_path / "w.npy", np.ones((256, 256), dtype=np.int8))
    keys = 'kind = "projection"\ntokens = 2\ninputs = 256\ndim = 256\nsteps = 1\n'
    (tmp_path / "wide.toml").write_text(f'{keys}name = "wide"\n[weights]\nfile = "w.npy"\n')
    code, out, err = run(
        capfd, "build", tmp_path / "wide.toml", "-o", tmp_path / "out", "--no-simulation"
    )
    needed = sum(shape.ebr for shape in component(load_design(tmp_path / "wide.toml")).memories)
    assert (code, out) == (2, "")
    assert needed > 128
    assert f"needs {needed} EBR and 30 are available ({needed - 30} too many)" in err
    assert not (tmp_path / "out").exists()


def test_wrong_input_is_refused_in_one_line(tmp_path, capfd):
    np.savez(tmp_path / "in.npz", x=np.full((4, 32, 12), 2))
    code, _, err = run(capfd, "simulate", path("projection"), "--input", tmp_path / "in.npz")
    assert code == 2
    assert err.strip().endswith("in.npz: x: 2 at (0, 0, 0): must be 0 or 1")
