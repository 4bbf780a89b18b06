"""Designs of networks: what they must say, what their weights must hold, and what is refused."""

import json

import pytest

from spikeloom.design import Design, DesignError
from spikeloom.design.network.shapes import expected

from ..networks.draws import block, draw_arrays, keys, make, shapes


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


def test_arrays_are_those_of_the_contract():
    changes = {"tokens": 6, "readout": {"groups": 3}, "blocks": [block(), block(hidden=7)]}
    for position in ("absolute", "none"):
        design = make(**changes, encoder={"position": position})
        named = {array.name: array.shape for array in expected(design)}
        data = keys(**changes, encoder={"position": position})
        assert named == {name: shape for name, shape, _ in shapes(data)}
        assert set(design.weights) == set(named)


REFUSED = [
    ({"tokens": 0}, "tokens: 0: must be an integer from 1 to 1024"),
    ({"tokens": 1025}, "tokens: 1025: must be an integer from 1 to 1024"),
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
    ({"encoder": {"place": 3}}, "encoder.place: 3: unknown key: the keys here are inputs, bits,"),
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
    ({"blocks": [block(residual="add")]}, "blocks.0.residual: 'add': must be one of or, iand"),
    ({"blocks": [{"hidden": 3}]}, "blocks.0.attention: missing: needs a section, [blocks.attentio"),
    ({"blocks": [block(attention=3)]}, "blocks.0.attention: 3: must be a section, [blocks.attenti"),
]
WRONG_ATTENTION = [
    ({"nmae": 3}, "nmae: 3: unknown key: the keys here are name, target, budget, kind, tokens,"),
    ({"gray": {"bit": 3}}, "gray.bit: 3: unknown key: the keys here are bits, index, grid, form"),
    ({"heads": "two"}, "heads: 'two': must be an integer from 1 to"),
    ({"heads": 5}, "dim: 12: must be a multiple of heads (5)"),
    ({"kind": "mask"}, "kind: 'mask': must be one of attention"),
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


def test_blocks_share_their_attention():
    line = "blocks.1.attention: must be the same as that of blocks.0: blocks share a layer"
    assert error(keys(blocks=[block(), block(attention={"heads": 3})])) == line


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("encoder", "needs a section, [encoder]"),
        ("readout", "needs a section, [readout]"),
        ("blocks", "a list of 1 to 16 sections, [[blocks]]"),
        ("tokens", "an integer from 1 to 1024"),
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
    design = make(blocks=[block(attention=attention)] * 2)
    dump = json.loads(json.dumps(design.model_dump(mode="json", exclude_none=True)))
    again = Design.from_dict(dump)
    assert again == design
    assert again.weights == design.weights
    assert again.model_dump(mode="json", exclude_none=True) == dump
