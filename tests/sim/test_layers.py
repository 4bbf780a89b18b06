"""Spikes of every layer of a network, seen in its hardware; and a layer that is broken, named."""

import numpy as np
import pytest

from spikeloom.cli import main
from spikeloom.golden.network import formula
from spikeloom.hdl.network.plan import NetworkPlan, network_plan
from spikeloom.hdl.network.program.looks import looks, seen_layers
from spikeloom.sim.layers import compare_layers, find_fault, seen

from ..networks.draws import block, draw_input, make, masked
from ..networks.rtl import arrays_of
from ..tools import example

MLP = ("expand", "out")
SHAPES = {
    "score": ({}, ("query", "key", "value", "attention", "x", *MLP)),
    "state": (
        {
            "blocks": [block(attention={"folding": {"order": "state", "lanes": 2}})],
            "folding": {"weights": "spram", "tokens": 2, "planes": 2},
        },
        ("query", "value", "attention", "x", *MLP),
    ),
    "xor": (
        {"blocks": [block(residual="xor", hidden=6)]},
        ("query", "key", "value", "attention", "project", "x", "expand", "contract", "out"),
    ),
    "add": (
        {"blocks": [block(residual="add")]},
        ("query", "key", "value", "attention", "project", "expand", "contract"),
    ),
    "mask": (
        {"blocks": [masked("qk-token", residual="iand")]},
        ("query", "key", "attention", "x", *MLP),
    ),
    "membrane": (
        {"blocks": [block(residual="membrane")]},
        ("input", "query", "key", "value", "attention", "mlp", "expand"),
    ),
}


def of(name, **changes):
    keys = {"dim": 8, "folding": {"weights": "spram"}, "readout": {"outputs": 3}}
    return make(3, **{**keys, **SHAPES[name][0], **changes})


def batch_of(design, lengths=(5, 2, 1)):
    return [arrays_of(design, draw_input(design, n, n)) for n in lengths]


@pytest.mark.parametrize("name", SHAPES)
def test_every_layer(name):
    design = of(name)
    names = tuple(f"blocks.0.{layer}" for layer in SHAPES[name][1])
    ahead, behind = ((), ("readout",)) if name == "membrane" else (("encoder",), ())
    if design.readout.neurons == "none":
        behind = ()
    assert seen(design) == (*ahead, *names, *behind)
    plan = network_plan(design)
    assert seen_layers(plan) == tuple(look.name for look in looks(plan))
    assert find_fault(design, batch_of(design)) is None


def broken(design, at):
    """Give the programs of the same network, in which a layer has other thresholds."""
    name = f"{at}.threshold"
    arrays = dict(design.weights)
    # Of its own two ends: every number keeps its width.
    low, high = int(arrays[name].min()), int(arrays[name].max())
    arrays[name] = np.where(arrays[name] > (low + high) // 2, low, high)
    changed = type(design).from_dict(
        {**design.model_dump(mode="json", exclude_none=True), "weights": arrays}
    )
    plan = NetworkPlan(changed)
    assert plan.widths == network_plan(design).widths
    return plan


TWO = {"blocks": [block(hidden=8), block(hidden=6, residual="iand", weight_bits=4)]}


@pytest.mark.parametrize("at", ["encoder", "blocks.0.query", "blocks.0.project", "blocks.1.expand"])
def test_broken_layer_is_named(at):
    design = of("score", **TWO)
    batch = batch_of(design, (5, 4))
    plan = broken(design, at)
    # A branch is seen where it has joined.
    layer = at.replace("project", "x")
    coarse = compare_layers(design, batch, tuple(looks(plan)))
    assert coarse is not None
    assert coarse.layer == layer
    fault = compare_layers(design, batch, tuple(looks(plan, layer)))
    assert (fault.layer, len(fault.channels)) == (layer, 1)
    given = [formula.trace(design, one["x"][: one["length"]]).spikes[layer] for one in batch]
    assert fault.expected == given[fault.inference][:, :, fault.channels[0]].sum()


@pytest.mark.synth
@pytest.mark.parametrize("at", [None, "blocks.0.expand"])
def test_netlist(at):
    design = of("state")
    batch = batch_of(design, (5, 4))
    if at is None:
        assert find_fault(design, batch, target="netlist") is None
        return
    programs = tuple(looks(broken(design, at)))
    fault = compare_layers(design, batch, programs, "netlist")
    assert fault.layer == at


def test_command_names_the_layer(monkeypatch, capsys):
    """A golden model that joins in another way is as good as hardware that does."""
    right = formula.residual
    monkeypatch.setattr(
        formula, "residual", lambda kind, x, z: right("xor" if kind == "or" else kind, x, z)
    )
    assert main(["simulate", str(example("vowels_fast/chip")), "--check", "--seed", "3"]) == 1
    assert "the first layer that differs is blocks.0.x: channel " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("design", "options", "said"),
    [
        ("vowels_fast/chip", (), "--layers: must go with --check and --target rtl or netlist"),
        (
            "vowels_fast/chip",
            ("--check", "--target", "golden"),
            "--layers: must go with --check and --target rtl or netlist",
        ),
        (
            "tiny-32x64",
            ("--check",),
            "--layers: must go with a network, not with kind 'attention'",
        ),
    ],
)
def test_refusals(design, options, said, capsys):
    assert main(["simulate", str(example(design)), "--layers", "2", *options]) == 2
    assert capsys.readouterr().err.strip().endswith(said)
