import numpy as np
import pytest

from spikeloom.cli import main
from spikeloom.design import Design, load_design
from spikeloom.hdl.kinds import component
from spikeloom.sim.simulate import simulate
from spikeloom.sim.spikes import draw_spikes

from ..tools import example

NAMES = ("tiny-32x64-sdsa3", "tiny-32x64-rate-attention")
SMALL = {
    "integer": {
        **{"kind": "integer-attention", "tokens": 5, "dim": 6, "heads": 2, "steps": 2},
        **{"neuron": "multispike", "divisor": 2, "scale": "1/sqrt(3)", "v_bits": 4},
    },
    "clipped": {
        **{"kind": "integer-attention", "tokens": 5, "dim": 6, "heads": 1, "steps": 3},
        **{"threshold": 30, "scale": 1},
    },
    "rate": {
        **{"kind": "rate-attention", "tokens": 5, "dim": 6, "steps": 3, "rate_bits": 5},
        **{"rate_fraction": 2, "v_bits": 4},
    },
}


def batch(design, rates=(0.7, 0.3, 0.9)):
    inputs = [draw_spikes(design, rate=rate, seed=n) for n, rate in enumerate(rates)]
    return inputs, {name: np.stack([arrays[name] for arrays in inputs]) for name in inputs[0]}


@pytest.mark.cocotb
@pytest.mark.parametrize("name", SMALL)
def test_exported_verilog_under_stalls(name, event_simulator):
    design = Design.from_dict(SMALL[name])
    inputs, arrays = batch(design)
    wanted = simulate(design, arrays, target="golden").values
    found = simulate(design, arrays, simulator=event_simulator, stalls=0.3, seed=2)
    assert wanted.any()
    assert np.array_equal(found.values, wanted)
    cycles = sum(map(component(design).compute_cycles, inputs))
    assert found.numbers["compute_cycles"] == cycles // len(inputs)


@pytest.mark.synth
@pytest.mark.parametrize("name", SMALL)
def test_netlist_under_stalls(name):
    design = Design.from_dict(SMALL[name])
    _, arrays = batch(design)
    wanted = simulate(design, arrays, target="golden").values
    found = simulate(design, arrays, target="netlist", stalls=0.3, seed=2)
    assert np.array_equal(found.values, wanted)


@pytest.mark.synth
@pytest.mark.parametrize("name", NAMES)
def test_netlist_of_an_example(name):
    design = load_design(example(name))
    _, arrays = batch(design, (0.8, 0.2))
    wanted = simulate(design, arrays, target="golden").values
    assert wanted.any()
    assert np.array_equal(simulate(design, arrays, target="netlist").values, wanted)


@pytest.mark.parametrize("name", NAMES)
def test_command_line(name, tmp_path, capsys):
    path = example(name)
    np.savez(tmp_path / "in.npz", **draw_spikes(load_design(path), rate=0.4, seed=1))
    for target in ("golden", "rtl"):
        command = ["simulate", path, "--input", tmp_path / "in.npz", "--target", target]
        assert main([*map(str, command), "--output", str(tmp_path / f"{target}.npz")]) == 0
    with np.load(tmp_path / "golden.npz") as golden, np.load(tmp_path / "rtl.npz") as rtl:
        name = golden.files[0]
        assert np.array_equal(golden[name], rtl[name])
        assert golden[name].any()


def test_integers_are_refused_by_attention_on_bits(tmp_path, capsys):
    path = example("tiny-32x64")
    arrays = {name: np.zeros((4, 32, 64), np.uint8) for name in "qkv"}
    arrays["k"][1, 2, 3] = 3
    np.savez(tmp_path / "in.npz", **arrays)
    command = ["simulate", path, "--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz"]
    assert main([*map(str, command)]) == 2
    said = capsys.readouterr().err
    assert "k: 3 at (1, 2, 3): must be 0 or 1 (integers above 1 are for kind = " in said
