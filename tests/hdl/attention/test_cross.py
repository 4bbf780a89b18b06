import pytest

from spikeloom.design import Design
from spikeloom.hdl.attention.layer import AttentionLayer
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.verilog import to_rtlil

from ...designs import check


def make(**keys):
    return Design.from_dict(
        {"tokens": 7, "dim": 16, "heads": 2, "steps": 2, "scale": "1/4", "target": {"beat": 8}}
        | keys
    )


@pytest.mark.parametrize("tokens", [1, 7, 8])
@pytest.mark.parametrize("keys", [1, 3, 11, 16])
def test_layer_equals_golden(tokens, keys):
    golden = check(make(tokens=tokens, keys=keys), stalls=0.2, seed=1, rates=(0.9, 0.6))
    assert any(answer.any() for answer in golden)


@pytest.mark.parametrize("keys", [2, 13])
@pytest.mark.parametrize(
    "more",
    [
        {"folding": {"rows": 4, "lanes": 4}},
        {"folding": {"rows": 4, "lanes": 2, "buffers": 2}, "target": {"beat": 4}},
        {"folding": {"heads": 2}},
        {"similarity": "xnor", "folding": {"rows": 2, "buffers": 1}},
        {"similarity": "hamming", "neuron": "none"},
        {"similarity": "alpha-xnor", "alpha": ["1/4", "1/2"], "reset": "soft", "scale": "1/8"},
        {"gate": 1, "scale": 1},
        {"scale": ["1/4", "1/8"], "tau": 3},
    ],
    ids=str,
)
def test_foldings_and_numbers(keys, more):
    golden = check(make(keys=keys, **more), stalls=0.2, seed=2, rates=(0.9, 0.6))
    assert any(answer.any() for answer in golden)


@pytest.mark.parametrize(("keys", "rows"), [(3, 1), (20, 4)])
def test_memories_and_cycles(keys, rows):
    """k and v as deep as there are keys, q and o as there are queries; a slot for each key."""
    design = make(tokens=9, keys=keys, folding={"rows": rows, "buffers": 1})
    layer = AttentionLayer(design)
    depth = {shape.name: shape.depth for shape in layer.memories}
    deep = {3: 4, 20: 32}[keys]
    assert depth == {"k": deep, "v": deep, "q": 16, "o": 16, "membrane": 16}
    blocks, slots = -(-9 // rows), rows + keys
    fixed = layer.compute_cycles() / 4 - blocks * slots - rows
    assert fixed == AttentionLayer(make()).compute_cycles() / 4 - 7 * 8 - 1


def test_as_many_keys_as_tokens_are_the_layer_without():
    assert to_rtlil(AxiStreamTop(make(keys=7))) == to_rtlil(AxiStreamTop(make()))
