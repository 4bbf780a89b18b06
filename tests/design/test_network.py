"""Designs of networks: what they must say, what their weights must hold, and what is refused."""

import json

import pytest

from spikeloom.design import Design, DesignError
from spikeloom.design.network.shapes import expected

from ..networks.draws import MASKS, block, draw_arrays, keys, make, masked, shapes


def error(data, arrays=None, **options):
    with pytest.raises(DesignError) as caught:
        Design.from_dict({"weights": arrays or draw_arrays(keys()), **data}, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def without(data, name):
    return {key: value for key, value in data.items() if key != name}


def test_defaults():
    data = keys()
    short = {
        **{key: data[key] for key in ("kind", "name", "tokens", "dim", "steps")},
        "encoder": {"inputs": 5},
        "blocks": [{"hidden": 20, "attention": {"heads": 2}}],
        "readout": {"outputs": 3},
    }
    design = Design.from_dict({**short, "weights": draw_arrays(short)})
    assert (design.fraction, design.depth, design.loaded) == (4, 1, True)
    assert (design.target.beat, design.target.link) == (16, 8)
    encoder, (one,), readout = design.encoder, design.blocks, design.readout
    assert (encoder.bits, encoder.signed, encoder.weight_bits) == (8, True, 8)
    assert (encoder.position, encoder.position_shift) == ("none", 0)
    assert (one.residual, one.weight_bits) == ("or", 2)
    assert (readout.weight_bits, readout.groups) == (8, 1)
    folding = design.folding
    assert (folding.lanes, folding.tokens, folding.planes, folding.weights) == (16, 1, 2, "spram")


def test_attention_has_the_sizes_of_the_network():
    design = make(blocks=[block(), block(residual="iand", hidden=7, weight_bits=8)])
    for one in design.blocks:
        layer = one.attention
        assert (layer.tokens, layer.dim, layer.steps, layer.heads) == (5, 12, 2, 2)
        assert layer.target.beat == 16
    given = make(blocks=[block(attention={"tokens": 5, "dim": 12, "steps": 2})])
    assert given.blocks[0] == design.blocks[0]


@pytest.mark.parametrize("cells", ["portable", "ice40"])
def test_attention_has_the_cells_of_the_network(cells):
    assert make(target={"cells": cells}).blocks[0].attention.target.cells == cells


@pytest.mark.parametrize(
    "changes",
    [
        {"encoder": {"position": "absolute"}},
        {"encoder": {"position": "none"}},
        {"blocks": [masked(kind) for kind in MASKS]},
        {"blocks": [block(residual="membrane"), masked("qk-token", residual="membrane")]},
        {"blocks": [block(residual="membrane")], "readout": {"neurons": "none"}},
    ],
)
def test_arrays_are_those_of_the_contract(changes):
    changes = {"tokens": 6, "blocks": [block(), block(hidden=7)], **changes}
    changes["readout"] = {"groups": 3, **changes.get("readout", {})}
    design = make(**changes)
    named = {array.name: array.shape for array in expected(design)}
    assert named == {name: shape for name, shape, _ in shapes(keys(**changes))}
    assert set(design.weights) == set(named)


def test_arrays_without_an_encoder():
    data = keys(encoder=NONE)
    arrays = draw_arrays(data)
    assert not [name for name in arrays if name.startswith("encoder")]
    assert set(Design.from_dict({**data, "weights": arrays}).weights) == set(arrays)


SUMMED = {"neurons": "sum", "groups": 2}
NONE = {"kind": "none", "inputs": 12, "bits": 1, "signed": False}
REFUSED = [
    ({"tokens": 0}, "tokens: 0: must be an integer from 1 to 4096"),
    ({"tokens": 4097}, "tokens: 4097: must be an integer from 1 to 4096"),
    ({"steps": 17}, "steps: 17: must be an integer from 1 to 16"),
    ({"dim": "12"}, "dim: '12': must be an integer from 1 to 1024"),
    ({"fraction": 9}, "fraction: 9: must be an integer from 0 to 8"),
    ({"heads": 2}, "heads: 2: unknown key: the keys here are name, target, budget, kind,"),
    ({"digest": "sha256:0"}, "digest: 'sha256:0': must be as described: Digest of the arrays, sha"),
    ({"digest": 3}, "digest: 3: must be as described: Digest of the arrays, sha256: and 64 digits"),
    ({"target": {"beat": 8}}, "target.beat: 8: must be 16 for a network"),
    ({"target": {"beat": 32, "link": 8}}, "target.beat: 32: must be 16 for a network"),
    ({"target": {"link": 16}}, "target.link: 16: must be less than the beat (16)"),
    ({"encoder": {"bits": 9}}, "encoder.bits: 9: must be an integer from 1 to 8"),
    ({"encoder": {"signed": 1}}, "encoder.signed: 1: must be true or false"),
    ({"encoder": {"weight_bits": 5}}, "encoder.weight_bits: 5: must be one of 1, 2, 3, 4, 8"),
    ({"encoder": {"position": "cpg"}}, "encoder.position: 'cpg': must be one of absolute, none"),
    ({"encoder": {"place": 3}}, "encoder.place: 3: unknown key: the keys here are kind, coding,"),
    ({"encoder": {"inputs": 0}}, "encoder.inputs: 0: must be an integer from 1 to 1024"),
    (
        {"encoder": {"position_shift": 8}},
        "encoder.position_shift: 8: must be an integer from 0 to 7",
    ),
    ({"readout": {"outputs": 0}}, "readout.outputs: 0: must be an integer from 1 to 4096"),
    ({"readout": {"groups": 2}}, "readout.groups: 2: must be a divisor of tokens (5)"),
    (
        {"readout": {"groups": 5}, "folding": {"tokens": 2}},
        "folding.tokens: 2: must be a divisor of the tokens of a group (1)",
    ),
    ({"folding": {"lanes": 8}}, "folding.lanes: 8: must be one of 16, 32, 64"),
    ({"folding": {"tokens": 3}}, "folding.tokens: 3: must be one of 1, 2, 4, 8"),
    ({"folding": {"planes": 3}}, "folding.planes: 3: must be one of 1, 2"),
    ({"folding": {"weights": "dsp"}}, "folding.weights: 'dsp': must be one of ebr, spram"),
    ({"folding": {"order": "score"}}, "folding.order: 'score': unknown key: the keys here are l"),
    ({"encoder": 3}, "encoder: 3: must be a section, [encoder]"),
    ({"blocks": []}, "blocks: (): must be a list of 1 to 16 sections, [[blocks]]"),
    ({"blocks": 3}, "blocks: 3: must be a list of 1 to 16 sections, [[blocks]]"),
    ({"blocks": block()}, "must be a list of 1 to 16 sections, [[blocks]]"),
    ({"blocks": [block()] * 17}, "must be a list of 1 to 16 sections, [[blocks]]"),
    ({"blocks": [block(), "x"]}, "blocks.1: 'x': must be a section, [[blocks]]"),
    ({"blocks": [block(hiden=3)]}, "blocks.0.hiden: 3: unknown key: the keys here are residual, "),
    ({"blocks": [block(), block(hidden=0)]}, "blocks.1.hidden: 0: must be an integer from 1 to 81"),
    (
        {"blocks": [block(residual="sum")]},
        "blocks.0.residual: 'sum': must be one of or, iand, xor, add, membrane",
    ),
    (
        {"blocks": [block(residual="add"), block(residual="or")]},
        "blocks.1.residual: 'or': must be add: x holds numbers up to 3",
    ),
    (
        {"blocks": [block(residual="membrane"), block(residual="add")]},
        "blocks.1.residual: 'add': must be membrane, as that of blocks.0",
    ),
    (
        {"blocks": [block(), block(residual="membrane")]},
        "blocks.1.residual: 'membrane': must not be membrane: that of blocks.0 is not",
    ),
    (
        {"encoder": {"kind": "patch", "inputs": 5}},
        "encoder.kind: 'patch': must be one of linear, none",
    ),
    ({"encoder": {"coding": "rate"}}, "encoder.coding: 'rate': must be one of direct, steps"),
    ({"encoder": {"fraction": 5}}, "encoder.fraction: 5: must be at most fraction (4)"),
    ({"blocks": [block(grid=2)]}, "blocks.0.grid: 2: must be a divisor of tokens (5)"),
    ({"blocks": [block(grid=0)]}, "blocks.0.grid: 0: must be an integer from 1 to 1024"),
    ({"blocks": [block(mlp_position="log")]}, "blocks.0.mlp_position: 'log': must be one of abso"),
    ({"readout": {"steps": 1}}, "readout.steps: 1: must be one of all, last"),
    ({"readout": {"neurons": "sum"}}, "readout.neurons: 'sum': has a meaning behind residual mem"),
    (
        {"tokens": 6, "blocks": [block(residual="membrane")], "readout": SUMMED},
        "readout.groups: 2: must be 1 with neurons sum",
    ),
    ({"neuron": "none"}, "neuron: 'none': must be one of lif, if"),
    ({"tau": 1}, "tau: 1: must be a number above 1, a quotient of integers up to 1000, as 2"),
    ({"tau": 2, "decay": 0.5}, "tau: 2: must not stand beside decay, which replaces it"),
    ({"threshold": 1}, "threshold: 1: unknown key: the keys here are "),
    ({"blocks": [{"hidden": 3}]}, "blocks.0.attention: missing: needs a section, [blocks.attentio"),
    ({"blocks": [block(attention=3)]}, "blocks.0.attention: 3: must be a section, [blocks.attenti"),
]
WRONG_ATTENTION = [
    ({"nmae": 3}, "nmae: 3: unknown key: the keys here are name, target, budget, kind, tokens,"),
    ({"gray": {"bit": 3}}, "gray.bit: 3: unknown key: the keys here are bits, index, grid, form"),
    ({"heads": "two"}, "heads: 'two': must be an integer from 1 to"),
    ({"heads": 5}, "dim: 12: must be a multiple of heads (5)"),
    ({"kind": "rate-attention"}, "kind: 'rate-attention': must be one of attention, mask"),
    ({"kind": 3}, "kind: 3: must be one of attention, mask"),
    ({"kind": "mask"}, "heads: missing: an integer from 1 to 8192"),
    ({"tokens": 6}, "tokens: 6: must be that of the network (5), or be left out"),
    ({"dim": 24}, "dim: 24: must be that of the network (12), or be left out"),
    ({"steps": 4}, "steps: 4: must be that of the network (2), or be left out"),
    ({"neuron": "none"}, "neuron: 'none': must be lif or if: a block takes spikes"),
    ({"keys": 4}, "keys: 4: must be left out: keys are the tokens of the network"),
    ({"chunk": 2}, "chunk: 2: must be 1 in a network"),
    ({"folding": {"heads": 2}}, "folding.heads: 2: must be 1"),
    ({"name": "x"}, "name: 'x': must be left out: it is said of the network"),
    ({"target": {"beat": 8}}, "target: {'beat': 8}: must be left out: it is said of the network"),
    ({"budget": {}}, "budget: {}: must be left out: it is said of the network"),
]


@pytest.mark.parametrize(("changes", "line"), REFUSED)
def test_refused(changes, line):
    found = error(keys(**changes), file="d.toml")
    assert found.startswith("d.toml: ")
    assert f": {line}" in found


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize(("changes", "line"), WRONG_ATTENTION)
def test_refused_attention(n, changes, line):
    blocks = [block()] * n + [block(attention=changes)]
    found = error(keys(blocks=blocks), file="d.toml")
    assert found.startswith(f"d.toml: blocks.{n}.attention.{line}")


WRONG_MASKS = [
    ({"attention": "sdsa3"}, "attention: 'sdsa3': must be one of qk-token, qk-channel, sdsa"),
    ({"heads": 5}, "dim: 12: must be a multiple of heads (5)"),
    ({"tokens": 6}, "tokens: 6: must be that of the network (5), or be left out"),
    ({"folding": {}}, "folding: {}: unknown key: the keys here are name, target, budget, kind,"),
    ({"neuron": "none"}, "neuron: 'none': must be one of lif, if"),
    ({"budget": {}}, "budget: {}: must be left out: it is said of the network"),
]


@pytest.mark.parametrize(("changes", "line"), WRONG_MASKS)
def test_refused_masks(changes, line):
    one = masked("qk-token", attention=changes)
    found = error(keys(blocks=[block(), one]), file="d.toml")
    assert found.startswith(f"d.toml: blocks.1.attention.{line}")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"inputs": 5}, "inputs: 5: must be dim (12) with kind none"),
        ({"signed": True}, "signed: True: must be false with kind none: x is not negative"),
        ({"weight_bits": 8}, "weight_bits: 8: has no meaning with kind none: inputs are what "),
        ({"position": "none"}, "position: 'none': has no meaning with kind none"),
        ({"position_shift": 0}, "position_shift: 0: has no meaning with kind none"),
        ({"fraction": 1}, "fraction: 1: has no meaning with kind none"),
        ({"bits": 17}, "bits: 17: must be an integer from 1 to 16"),
        ({"bits": 5}, "bits: 5: must be an integer from 1 to 4 with kind none: x is a sum of few"),
    ],
)
def test_refused_without_an_encoder(changes, line):
    data = keys(blocks=[block(residual="add")], encoder={**NONE, **changes})
    assert error(data).startswith(f"encoder.{line}")


def test_inputs_of_several_bits_are_no_spikes():
    data = keys(encoder={**NONE, "bits": 2})
    assert error(data) == "blocks.0.residual: 'or': must be add: x holds numbers up to 3"


def test_levels_grow_with_every_sum():
    assert make(blocks=[block(), block(residual="xor")]).levels == (1, 1, 1)
    blocks = [block(residual="iand"), block(residual="add"), masked("sdsa", residual="add")]
    assert make(blocks=blocks).levels == (1, 1, 3, 5)
    assert make(blocks=[block(residual="membrane")] * 2).levels == (1, 1, 1)
    assert make(blocks=[block(residual="add")], encoder={**NONE, "bits": 2}).levels == (3, 5)


def test_blocks_may_differ():
    design = make(blocks=[block(), block(attention={"heads": 3}), masked("qk-token")])
    assert [one.attention.kind for one in design.blocks] == ["attention", "attention", "mask"]
    assert [one.attention.heads for one in design.blocks] == [2, 3, 2]


def test_neurons_without_a_leak():
    assert make().warnings == ()
    assert make(neuron="if", tau=3).warnings == ("tau: has no effect with neuron if",)
    (found,) = make(tau=3).warnings
    assert found.startswith("tau: 3 takes ")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("encoder", "needs a section, [encoder]"),
        ("readout", "needs a section, [readout]"),
        ("blocks", "a list of 1 to 16 sections, [[blocks]]"),
        ("tokens", "an integer from 1 to 4096"),
        ("weights", "as described: NPZ file with the integers of every layer."),
    ],
)
def test_missing(name, line):
    data = without({**keys(), "weights": draw_arrays(keys())}, name)
    with pytest.raises(DesignError) as caught:
        Design.from_dict(data, file="d.toml")
    assert str(caught.value) == f"d.toml: {name}: missing: {line}"


POSITIONED = {
    "similarity": "alpha-xnor",
    "alpha": "3/8",
    "position": ["gray", "shift", "table"],
    "shift": {"groups": 2},
    "table": {"bits": 4, "values": [[1, 2, 3, -4, 5, 6, 7, 1, 2]]},
}


@pytest.mark.parametrize("attention", [{}, POSITIONED, {"folding": {"order": "state"}}])
def test_dump_is_read_again(attention):
    _read_again(make(blocks=[block(attention=attention)] * 2))


def test_dump_of_everything_else_is_read_again():
    blocks = [masked(kind, residual="membrane") for kind in MASKS]
    made = {"blocks": blocks, "readout": {"neurons": "sum"}, "tau": "3/2", "reset": "soft"}
    _read_again(make(**made, encoder={"coding": "steps", "fraction": 2}))


def _read_again(design):
    dump = json.loads(json.dumps(design.model_dump(mode="json", exclude_none=True)))
    again = Design.from_dict(dump)
    assert again == design
    assert again.weights == design.weights
    assert again.model_dump(mode="json", exclude_none=True) == dump
