"""Graphs of NIR: what goes in comes out, and what cannot is refused by node and name."""

import json
import re
import sys

import h5py
import nir
import numpy as np
import pytest

from spikeloom.cli import main
from spikeloom.design import Design, load_design
from spikeloom.design.read import DesignError
from spikeloom.design.write import toml
from spikeloom.files import FormatError
from spikeloom.golden.kinds import model
from spikeloom.importing.nir import files
from spikeloom.importing.nir.export import export_graph
from spikeloom.importing.nir.files import nested
from spikeloom.importing.nir.graph import layers
from spikeloom.importing.nir.load import DT
from spikeloom.importing.nir.reader import read

from ..networks.draws import block, make
from .files import FIXTURES

TAU = 2e-4
VOWELS = "examples/vowels_fast/network.toml"


def fc(outputs=3, inputs=4, kind=np.float32):
    weight = np.arange(outputs * inputs, dtype=kind).reshape(outputs, inputs) - 5
    return nir.Affine(weight=weight / 4, bias=np.full(outputs, 0.25, kind))


def lif(count=3, **keys):
    given = {"tau": TAU, "r": 1.0, "v_leak": 0.0, "v_threshold": 0.5, "v_reset": 0.0} | keys
    return nir.LIF(**{k: np.full(count, v, np.float32) for k, v in given.items()})


def graph(*nodes, edges=None, inputs=4, outputs=3, **named):
    """A row of nodes between input and output, and others."""
    row = {"input": nir.Input({"input": np.array([inputs])})}
    row |= {f"n{n}": node for n, node in enumerate(nodes)}
    row["output"] = nir.Output({"output": np.array([outputs])})
    names = list(row)
    edges = list(zip(names[:-1], names[1:], strict=True)) if edges is None else edges
    return nir.NIRGraph(nodes=row | named, edges=edges, type_check=False)


def run(capfd, *arguments, code=0):
    found = main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    assert found == code, err
    return out, err


def load(capfd, tmp_path, made, *options):
    """Write and import a graph; give the text, and the designs by name."""
    nir.write(tmp_path / "graph.nir", made)
    folder = tmp_path / "out"
    out, _ = run(capfd, "import", tmp_path / "graph.nir", "-o", folder, *options)
    return out, {path.stem: load_design(path) for path in folder.glob("*.toml")}


def euler(made, x, at, *, above=True, dt=1e-4):
    """Spikes (T, inputs) through the row of a graph that begins behind a node, in float64."""
    after = dict(made.edges)
    while (at := after[at]) in made.nodes and not isinstance(made.nodes[at], nir.Output):
        node = made.nodes[at]
        if isinstance(node, nir.Affine | nir.Linear):
            x = x @ node.weight.T + getattr(node, "bias", 0)
            continue
        tau = getattr(node, "tau", None)
        v, spikes = np.zeros(x.shape[1:]), np.zeros(x.shape)
        for t in range(len(x)):
            if tau is None:
                v = v + dt * node.r * x[t]
            else:
                v = v + dt / tau * (node.v_leak - v + node.r * x[t])
            spikes[t] = v > node.v_threshold if above else v >= node.v_threshold
            v = np.where(spikes[t] > 0, node.v_reset, v)
        x = spikes
    return x


def draw_projection(seed, neuron, steps):
    generator = np.random.default_rng(seed)
    keys = {"kind": "projection", "tokens": 5, "inputs": 6, "dim": 7, "steps": steps}
    keys |= {"neuron": neuron, "fires": ("at", "above")[seed % 2]}
    if neuron == "lif":
        keys |= ({"tau": 2}, {"decay": "3/4"}, {"tau": 3})[seed % 3]
    keys["weights"] = {"values": generator.integers(-9, 10, (7, 6)).tolist()}
    keys["bias"] = {"values": generator.integers(-3, 4, (1, 7)).tolist()}
    keys["thresholds"] = {"values": generator.integers(1, 12, (1, 7)).tolist()}
    return keys


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("neuron", ["lif", "if"])
def test_projection_there_and_back(tmp_path, capfd, seed, neuron):
    keys = draw_projection(seed, neuron, steps=4)
    design = Design.from_dict(keys)
    path = tmp_path / "layer.toml"
    path.write_text(toml(keys))
    run(capfd, "export", path, "-o", tmp_path / "graph.nir")
    made = nir.read(tmp_path / "graph.nir")
    x = np.random.default_rng(seed).integers(0, 2, (4, 5, 6))
    wanted = model(design).answer({"x": x})
    for above in (True, False):
        found = [euler(made, x[:, n].astype(float), "input", above=above) for n in range(5)]
        assert (np.stack(found, axis=1) == wanted).all()
    (tmp_path / "c.toml").write_text('steps = 4\ntokens = 5\ndt = 1e-4\nfires = "above"\n')
    more = ("-c", tmp_path / "c.toml")
    out, _ = run(capfd, "import", tmp_path / "graph.nir", "-o", tmp_path / "out", *more)
    again = load_design(tmp_path / "out" / "linear.toml")
    assert (model(again).answer({"x": x}) == wanted).all()
    assert out.startswith("linear: same spikes, whatever the input\n")


def test_a_row_of_layers(tmp_path, capfd):
    last = nir.Linear(weight=np.ones((2, 3), np.float32))
    neurons = nir.IF(r=np.full(3, 1e4), v_threshold=np.full(3, 0.5))
    second = nir.Linear(weight=np.eye(3, dtype=np.float32))
    made = graph(fc(), lif(), second, neurons, last, outputs=2)
    out, designs = load(capfd, tmp_path, made)
    assert "guessed: dt = 0.0001 s: a graph does not say it" in out
    assert "n0: same spikes, whatever the input" in out
    assert "n4: same numbers, whatever the input" in out
    assert [designs[name].neuron for name in ("n0", "n2", "n4")] == ["lif", "if", "none"]
    x = np.random.default_rng(0).integers(0, 2, (4, 1, 4))
    wanted = euler(made, x[:, 0].astype(float), "input")
    for name in ("n0", "n2", "n4"):
        x = model(designs[name]).answer({"x": x})
    assert (x[:, 0] == wanted).all()
    about = json.loads((tmp_path / "out" / "import.json").read_text())
    assert [layer["node"] for layer in about["layers"]] == ["n0", "n2", "n4"]
    assert about["layers"][0]["neurons"] == "n1"


@pytest.mark.parametrize("fires", ["at", "above"])
def test_a_graph_of_spikingjelly(tmp_path, capfd, fires):
    """Its neurons fire at the threshold, which membranes of eighths often meet."""
    folder = tmp_path / "out"
    (tmp_path / "c.toml").write_text(f'steps = 4\ntokens = 50\nfires = "{fires}"\ndt = 1e-4\n')
    more = ("-c", tmp_path / "c.toml", "-o", folder)
    out, _ = run(capfd, "import", FIXTURES / "spikingjelly.nir", *more)
    assert out.count(": same spikes, whatever the input") == 2
    assert "guessed" not in out
    with np.load(FIXTURES / "spikingjelly.npz") as arrays:
        x, y = arrays["x"], arrays["y"]
    for name in ("layer-0", "layer-2"):
        x = model(load_design(folder / f"{name}.toml")).answer({"x": x})
    assert (x == y).all() == (fires == "at")
    assert 0.1 < y.mean() < 0.9


def test_what_is_rounded_is_said(tmp_path, capfd):
    noise = np.random.default_rng(0)
    linear = nir.Affine(weight=noise.normal(size=(3, 4)), bias=noise.normal(size=3))
    out, designs = load(capfd, tmp_path, graph(linear, lif()), "--bits", 2, "--tokens", 3)
    assert "n0: rounded: " in out
    assert "% of spikes differ, on 256 drawn samples" in out
    assert designs["n0"].tokens == 3
    assert {w for row in designs["n0"].weight_rows for w in row} <= {-1, 0, 1}


def test_leak_voltage_is_a_bias(tmp_path, capfd):
    made = graph(fc(), lif(v_leak=0.25, r=2.0))
    _, designs = load(capfd, tmp_path, made)
    x = np.random.default_rng(1).integers(0, 2, (4, 1, 4))
    wanted = euler(made, x[:, 0].astype(float), "input")
    assert (model(designs["n0"]).answer({"x": x})[:, 0] == wanted).all()


CUBA = nir.CubaLIF(**{k: np.ones(3) for k in ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold")})
ROW = [("input", "n0"), ("n0", "n1")]
CONV = nir.Conv1d(4, np.ones((1, 1, 3)), 1, 1, 1, 1, np.ones(1))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (graph(CONV, fc(), lif()), "node 'n0': 'Conv1d': is not carried"),
        (graph(fc(), CUBA), "node 'n1': 'CubaLIF': is not carried: Input, Linear, Affine, LIF"),
        (graph(fc(), nir.Threshold(np.ones(3))), "node 'n1': 'Threshold': is not carried"),
        (graph(fc(), graph(lif(), inputs=3)), "node 'n1': 'NIRGraph': is not carried"),
        (graph(lif(4), outputs=4), "node 'n0': must stand behind a Linear or an Affine"),
        (graph(fc(), lif(), lif()), "node 'n2': must stand behind a Linear or an Affine"),
        (graph(fc(), fc(3, 3)), "node 'n1': must stand behind neurons or the Input"),
        (graph(fc(), lif(v_reset=0.1)), "node 'n1': v_reset: must be 0"),
        (graph(fc(), lif(v_threshold=-1)), "node 'n1': v_threshold -1: must be positive"),
        (graph(fc(), lif(r=0)), "node 'n1': r 0: must be positive"),
        (graph(fc(), lif(tau=[1, 2, 3])), "node 'n1': tau 1 to 3: must be the same"),
        (graph(fc(), lif(tau=1e-5)), "node 'n1': tau 1e-05: must be at least dt (0.0001 s)"),
                (
            graph(fc(), lif(), edges=[*ROW, ("n1", "output"), ("n1", "n0")]),
            "edge 'n1' to 'n0': must be the only one there: 'n1' to 'output' is another",
        ),
        (
            graph(fc(), lif(), edges=[("input", "n0"), ("n0", "output")]),
            "node 'n1': must stand between an Input and an Output",
        ),
        (
            graph(fc(), lif(), edges=[*ROW, ("n1", "x")]),
            "edge 'n1' to 'x': must join two nodes",
        ),
        (graph(edges=[("input", "output")], outputs=4), "must have a Linear or an Affine"),
    ],
)  # fmt: skip
def test_what_is_not_carried(tmp_path, made, words):
    nir.write(tmp_path / "graph.nir", made)
    with pytest.raises(DesignError) as caught:
        layers(nested(read(tmp_path / "graph.nir")), DT, "graph.nir")
    assert str(caught.value).startswith("graph.nir: ")
    assert words in str(caught.value)


def bad_file(path, change):
    nir.write(path, graph(fc(), lif()))
    with h5py.File(path, "a") as file:
        change(file)


def link(file):
    file["node/nodes/n1/more"] = h5py.SoftLink("/node")


def far(file):
    file["node/nodes/n1/more"] = h5py.ExternalLink("/etc/hostname", "/")


def elsewhere(file):
    file.create_dataset("node/nodes/n1/more", (4,), "u1", external=[("/etc/hostname", 0, 4)])


def large(file):
    file.create_dataset("node/nodes/n1/more", (1 << 40,), "f8", chunks=(1 << 20,))


def deep(file):
    file.create_group("node/" + "/".join("x" * 20))


def nan(file):
    file["node/nodes/n1/v_threshold"][1] = np.nan


def circle(file):
    file["node/nodes/n1/more"] = file["node"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (link, "nodes/n1/more: must not be a link"),
        (far, "nodes/n1/more: must not be a link"),
        (elsewhere, "nodes/n1/more: must be in the file itself"),
        (large, "nodes/n1/more: arrays must be of at most 512 MiB"),
        (deep, "must be at most 10000 entries, 8 groups deep"),
        (circle, "must be at most 10000 entries, 8 groups deep"),
        (nan, "v_threshold: nan at (1,): must be a finite number"),
        (lambda file: file.pop("node"), "node: missing: must be a graph of NIR"),
        (lambda file: file["node/nodes"].pop("n1"), "must join two nodes"),
        (lambda file: file["node/nodes/n1"].pop("tau"), "must be a graph of NIR"),
        (lambda file: file["node"].pop("edges"), "edges: must be pairs of names of nodes"),
    ],
)
def test_files_that_are_wrong(tmp_path, change, words):
    bad_file(tmp_path / "graph.nir", change)
    with pytest.raises((DesignError, FormatError), match=re.escape(words)):
        layers(nested(read(tmp_path / "graph.nir")), DT, "graph.nir")


def test_a_reader_that_dies_is_told(tmp_path, capfd, monkeypatch):
    nir.write(tmp_path / "graph.nir", graph(fc(), CUBA))
    folder = tmp_path / "out"
    arguments = ("import", tmp_path / "graph.nir", "-o", folder)
    assert "node 'n1': 'CubaLIF'" in run(capfd, *arguments, code=2)[1]
    monkeypatch.setattr(files, "_READER", "spikeloom.no.such.module")
    assert "must be a graph of NIR: HDF5 fails to read it" in run(capfd, *arguments, code=2)[1]
    assert not folder.exists()


def test_a_graph_that_is_cut_short(tmp_path):
    nir.write(tmp_path / "graph.nir", graph(fc(), lif()))
    whole = (tmp_path / "graph.nir").read_bytes()
    for part in (0.1, 0.5, 0.9):
        (tmp_path / "graph.nir").write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(FormatError, match=r"must be a graph of NIR \(HDF5\)"):
            read(tmp_path / "graph.nir")


def test_without_the_package(tmp_path, capfd, monkeypatch):
    words = "needs NIR's package: pip install spikeloom[import]"
    nir.write(tmp_path / "graph.nir", graph(fc(), lif()))
    monkeypatch.setitem(sys.modules, "nir", None)
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    arguments = ("import", tmp_path / "graph.nir", "-o", tmp_path / "out")
    assert words in run(capfd, *arguments, code=2)[1]
    arguments = ("export", VOWELS, "-o", tmp_path / "a.nir", "--layers", "blocks.0.key")
    assert words in run(capfd, *arguments, code=2)[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps = 0\n", "steps: 0: must be an integer from 1 to 64"),
        ("tokens = true\n", "tokens: True: must be an integer from 1 to 4096"),
        ('fires = "never"\n', "fires: 'never': must be at or above"),
        ("dt = 0\n", "dt: 0: must be a number of seconds above 0"),
    ],
)
def test_configurations_that_are_wrong(tmp_path, capfd, text, words):
    nir.write(tmp_path / "graph.nir", graph(fc(), lif()))
    (tmp_path / "c.toml").write_text(text)
    more = ("-c", tmp_path / "c.toml", "-o", tmp_path / "out")
    assert words in run(capfd, "import", tmp_path / "graph.nir", *more, code=2)[1]


# Networks, out


def test_layers_of_a_network(tmp_path, capfd):
    layers = "blocks.0.expand,blocks.0.contract"
    out, _ = run(capfd, "export", VOWELS, "-o", tmp_path / "a.nir", "--layers", layers)
    assert out.splitlines()[:4] == [
        f"blocks.0.expand.{part}" for part in ("input", "linear", "neurons", "output")
    ]
    made = nir.read(tmp_path / "a.nir")
    design = load_design(VOWELS)
    for name, width in (("expand", 64), ("contract", 128)):
        x = np.random.default_rng(0).integers(0, 2, (2, width))
        at = f"blocks.0.{name}"
        weight, bias, threshold = (
            design.weights[f"{at}.{p}"] for p in ("weight", "bias", "threshold")
        )
        w = np.zeros(len(weight), int)
        for t, spikes in enumerate(euler(made, x.astype(float), f"{at}.input")):
            a = w + (x[t] @ weight.T << 4) + bias
            assert (spikes == (a >= threshold)).all()
            w = np.where(a >= threshold, 0, a >> 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "blocks.0.attention: NIR has no product of two activations"),
        (("--layers", "encoder"), "--layers: 'encoder': is not carried: NIR has no table"),
        (("--layers", "readout"), "--layers: 'readout': is not carried: NIR has no sum"),
        (("--layers", "blocks.7.key"), "'blocks.7.key': must be one of blocks.0.query"),
    ],
)
def test_networks_that_are_not_carried(tmp_path, capfd, options, words):
    path = tmp_path / "a.nir"
    _, err = run(capfd, "export", VOWELS, "-o", path, *options, code=2)
    assert words in err
    assert not path.exists()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("tokens = 4\ndim = 8\nheads = 2\nsteps = 2\n", "kind: 'attention': must be projection or"),
        ('reset = "soft"\n', "reset: 'soft': must be hard"),
        ('cpg = { mode = "add" }\n', "cpg.mode: 'add': must be none"),
    ],
)
def test_layers_that_are_not_carried(tmp_path, capfd, keys, words):
    head = 'kind = "projection"\ntokens = 2\ninputs = 2\ndim = 1\nsteps = 2\n'
    rest = "[weights]\nvalues = [[1, 2]]\n"
    path = tmp_path / "layer.toml"
    path.write_text(keys if keys.startswith("tokens") else head + keys + rest)
    assert words in run(capfd, "export", path, "-o", tmp_path / "a.nir", code=2)[1]


@pytest.mark.parametrize(
    ("changes", "layer", "words"),
    [
        ({"grid": 5}, "key", "blocks.0.grid: 5: must be left out: graphs have no pictures"),
        ({"mlp_position": "absolute"}, "expand", "blocks.0.mlp_position: 'absolute': must be none"),
    ],
)
def test_layers_that_see_more_than_spikes_of_a_token(tmp_path, changes, layer, words):
    design = make(blocks=[block(**changes)])
    with pytest.raises(DesignError, match=words):
        export_graph(design, tmp_path / "a.nir", [f"blocks.0.{layer}"])
    names = {"key": "expand", "expand": "key"}
    assert export_graph(design, tmp_path / "a.nir", [f"blocks.0.{names[layer]}"])
