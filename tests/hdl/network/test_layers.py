"""Networks as layers of the engine: which there are, and what each adds up."""

import pytest

from spikeloom.hdl.network.geometry import Geometry
from spikeloom.hdl.network.program.layers import lower
from spikeloom.hdl.network.program.lowered import Lowered

from ...networks.draws import block, make, masked


def layers(**changes):
    """Give the targets of all layers, with the tensors of each."""
    made = Lowered(make(**changes)).layers
    return [
        ("attention layer", [])
        if layer is None
        else (layer.target, [term.tensor for term in layer.terms])
        for layer in made
    ]


DENSE = [("query", ["x"]), ("key", ["x"]), ("value", ["x"]), ("attention layer", [])]


def test_spikes_that_join_where_they_are():
    assert layers(blocks=[block(residual="iand")]) == [
        ("x", ["input"]),
        *DENSE,
        *(("x", ["attention"]), ("expand", ["x"]), ("x", ["expand"]), ("", ["x"])),
    ]


def test_a_sum_is_all_of_its_spikes():
    found = dict(layers(blocks=[block(residual="add")] * 2))
    x = ["x", *(f"blocks.{n}.{name}" for n in range(2) for name in ("project", "contract"))]
    assert found["query"] == x[:3]
    assert found["expand"] == x[:4]
    assert found[""] == x
    assert found["blocks.1.contract"] == ["expand"]


def test_a_membrane_is_all_of_its_drives():
    found = layers(blocks=[block(residual="membrane")] * 2)
    fired = [tensors for target, tensors in found if target == "x"]
    u = ["input", "blocks.0.attention", "blocks.0.expand", "attention", "blocks.1.expand"]
    assert fired == [u[: n + 1] for n in range(5)]
    assert found[-1] == ("", ["x"])
    assert ("blocks.0.attention", ["attention"]) in found
    read = layers(blocks=[block(residual="membrane")] * 2, readout={"neurons": "none"})
    assert read == [*found[:-2], ("", u)]


def test_masks_take_no_attention_layer():
    design = make(blocks=[masked("qk-token", residual="xor")])
    assert Geometry(design).inner is None
    assert [one.target for one in lower(Geometry(design))] == [
        *("x", "query", "key", "mask", "attention", "branch", "both", "x"),
        *("expand", "branch", "both", "x", ""),
    ]
    three = [one for one in layers(blocks=[masked("sdsa")]) if "mask" in (one[0], *one[1])]
    assert three == [
        ("mask", ["mask"]),
        ("mask", ["key", "value"]),
        ("attention", ["query", "mask"]),
    ]


@pytest.mark.parametrize(
    ("changes", "copied"),
    [({}, 0), ({"folding": {"tokens": 2}}, 2), ({"readout": {"groups": 5}}, 2)],
)
def test_what_a_stem_gives_is_copied_where_it_must_be(changes, copied):
    encoder = {"kind": "none", "inputs": 12, "bits": 2, "signed": False}
    design = make(encoder=encoder, blocks=[block(residual="add")], **changes)
    plan = Lowered(design)
    assert [one.target for one in plan.layers if one is not None][: copied + 1] == [
        *["x"] * copied,
        "query",
    ]
    assert plan.keeps_input == (not copied)
    assert (plan.tensors["x"] == plan.tensors["input"]) == (not copied)
