"""Whole networks as hardware against the golden model: sequences of any length, back to back."""

import numpy as np
import pytest

from spikeloom.hdl.kinds import asked, component
from spikeloom.hdl.network.cycles import network_cycles
from spikeloom.hdl.network.layer import NetworkLayer
from spikeloom.hdl.network.plan import NetworkPlan

from ...networks.draws import block, make, masked
from ...networks.rtl import arrays_of, check, compiled, sequences

#: What is met by one design each. Every choice occurs: lanes, tokens at once, planes, steps,
#: memory of weights, order of attention, similarity, position, widths, joins, groups, inputs.
ALPHA = {"similarity": "alpha-xnor", "alpha": "3/8", "scale": "1/8"}
TABLE = {"bits": 4, "values": [[3, -2, 1, 0, -5, 7, 2, -8, 4]]}
NETWORKS = {
    "plain": {"encoder": {"position_shift": 5}},
    "one token": {
        "tokens": 1,
        "steps": 1,
        "encoder": {"position": "none", "bits": 1, "signed": False, "weight_bits": 1},
        "blocks": [block(weight_bits=1, hidden=1)],
        "readout": {"outputs": 1, "weight_bits": 1},
    },
    "two blocks": {
        "dim": 8,
        "fraction": 0,
        "blocks": [block(hidden=6, residual="iand"), block(hidden=17, weight_bits=8)],
        "folding": {"weights": "spram", "planes": 1},
        "target": {"link": 4},
    },
    "two tokens at once": {
        "tokens": 6,
        "steps": 2,
        "blocks": [block(hidden=5, weight_bits=3, attention={"similarity": "hamming"})],
        "readout": {"groups": 3, "weight_bits": 8},
        "folding": {"tokens": 2},
    },
    "four tokens at once, state order": {
        "tokens": 18,
        "steps": 1,
        "dim": 8,
        "encoder": {"position": "none", "inputs": 17, "bits": 2},
        "blocks": [block(hidden=9, attention={"folding": {"order": "state"}})],
        "folding": {"tokens": 4},
    },
    "eight tokens at once": {
        "tokens": 12,
        "steps": 1,
        "dim": 8,
        "blocks": [block(hidden=4, attention={"position": ["gray"], "similarity": "xnor"})],
        "folding": {"tokens": 8, "planes": 1},
    },
    "four steps, heads wider than a word": {
        "steps": 4,
        "dim": 36,
        "blocks": [block(hidden=3, attention={"heads": 2, "folding": {"order": "state"}})],
        "readout": {"outputs": 1},
    },
    "32 lanes": {
        "dim": 20,
        "blocks": [block(hidden=40, weight_bits=4, attention={"heads": 1, **ALPHA})],
        "folding": {"lanes": 32},
    },
    "tokens of the input spread over four steps": {
        "tokens": 18,
        "steps": 4,
        "dim": 8,
        "encoder": {"inputs": 13, "bits": 5, "position_shift": 2},
        "blocks": [block(hidden=5, attention={"folding": {"order": "state"}})],
        "folding": {"lanes": 64, "tokens": 2},
    },
    "spread over two steps, read out in groups": {
        "tokens": 18,
        "dim": 8,
        "blocks": [block(hidden=5)],
        "readout": {"groups": 3},
        "folding": {"lanes": 32, "tokens": 2},
    },
    "64 lanes in SPRAM": {
        "steps": 1,
        "dim": 24,
        "encoder": {"bits": 8, "weight_bits": 8, "position_shift": 7},
        "blocks": [block(hidden=10, attention={"heads": 3, "position": ["log"]})],
        "readout": {"weight_bits": 8},
        "folding": {"lanes": 64, "weights": "spram"},
    },
    "table": {
        "dim": 8,
        "steps": 3,
        "blocks": [block(hidden=4, attention={"position": ["table"], "table": TABLE})],
        "readout": {"groups": 5},
    },
    "shift": {
        "dim": 16,
        "steps": 1,
        "blocks": [
            block(
                hidden=4,
                attention={
                    **{"position": ["shift"], "shift": {"groups": 2}, "neuron": "if"},
                    "folding": {"order": "score", "rows": 2, "lanes": 4},
                },
            )
        ],
    },
    "sums of what a stem gives for every step": {
        "tokens": 6,
        "dim": 8,
        "encoder": {"kind": "none", "coding": "steps", "inputs": 8, "bits": 2, "signed": False},
        "blocks": [
            block(residual="add", hidden=5),
            masked("qk-token", residual="add", hidden=4),
        ],
        "readout": {"groups": 3},
        "folding": {"tokens": 2},
    },
    "masks alone, on spikes of a stem, soft reset": {
        "dim": 18,
        "reset": "soft",
        "encoder": {"kind": "none", "coding": "steps", "inputs": 18, "bits": 1, "signed": False},
        "blocks": [masked("sdsa", residual="xor", hidden=3, weight_bits=3)],
        "folding": {"planes": 1},
        "target": {"link": 2},
    },
    "membranes that keep a quarter": {
        "dim": 8,
        "decay": "1/4",
        "encoder": {"coding": "steps", "bits": 2, "fraction": 3, "position_shift": 1},
        "blocks": [block(residual="membrane", hidden=4), masked("qk-channel", residual="membrane")],
        "readout": {"neurons": "none"},
        "folding": {"weights": "spram"},
    },
}


def lengths(tokens):
    """Sequences that are whole, short and of one token, each behind each."""
    return [tokens, 1, max(1, tokens // 2), tokens, max(1, tokens - 1), 1, 1, tokens]


def check_cycles(design, inputs, busy):
    """Compare the cycles that were worked with those predicted: 20 a sequence may be missing."""
    layer, predicted = asked(design), 0
    for x in inputs:
        predicted += layer.compute_cycles(arrays_of(design, x))
    assert abs(busy - predicted) <= 20 * len(inputs)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name):
    design = make(len(name), **NETWORKS[name])
    machine = compiled(design)
    given = lengths(design.tokens)
    traffic = check(design, given, machine=machine, seed=1)
    check_cycles(design, sequences(design, given, seed=1), traffic.busy)
    check(design, lengths(design.tokens)[::-1], machine=machine, stalls=0.4, seed=2)


def test_amaranth_simulates_the_same():
    check(
        make(dim=8, steps=1, blocks=[block(hidden=3)], readout={"outputs": 1}), [2, 5], stalls=0.2
    )


def test_every_choice_is_met():
    made = [make(len(name), **changes) for name, changes in NETWORKS.items()]

    def met(of):
        return {of(design) for design in made}

    assert met(lambda d: d.folding.lanes) == {16, 32, 64}
    assert met(lambda d: d.folding.tokens) == {1, 2, 4, 8}
    assert met(lambda d: d.folding.planes) == {1, 2}
    assert met(lambda d: d.folding.weights) == {"ebr", "spram"}
    assert met(lambda d: d.steps) == {1, 2, 3, 4}
    layers = [d.blocks[0].attention for d in made if d.blocks[0].attention.kind == "attention"]
    assert {layer.order for layer in layers} == {"score", "state"}
    similarities = {"and", "xnor", "hamming", "alpha-xnor"}
    assert {layer.similarity for layer in layers} == similarities
    positions = {(), ("gray",), ("log",), ("shift",), ("table",)}
    assert {tuple(layer.position) for layer in layers} == positions
    widths = {block.weight_bits for d in made for block in d.blocks}
    assert widths == {1, 2, 3, 4, 8}
    residuals = {"or", "iand", "xor", "add", "membrane"}
    assert {block.residual for d in made for block in d.blocks} == residuals
    assert met(lambda d: d.encoder.kind) == {"linear", "none"}
    assert met(lambda d: d.encoder.coding) == {"direct", "steps"}
    assert met(lambda d: d.encoder.position) == {"absolute", "none"}
    assert met(lambda d: d.encoder.signed) == {True, False}
    assert met(lambda d: d.depth) == {1, 2}
    assert met(lambda d: d.readout.groups) == {1, 3, 5}


def test_component_and_its_memories():
    design = make(blocks=[block(attention={"folding": {"order": "state"}})])
    layer = component(design)
    assert isinstance(layer, NetworkLayer)
    names = [memory.name for memory in layer.memories]
    assert len(set(names)) == len(names)
    assert {"program", "sums", "keys", "spikes0_0", "spikes1_0"} <= set(names)
    assert layer.preamble == ()
    loaded = component(make(folding={"weights": "spram"}))
    (frame,) = loaded.preamble
    plan = NetworkPlan(make(folding={"weights": "spram"}))
    assert len(frame) == 3 + len(plan.program.words) * plan.sections.width // 16


def test_cycles_grow_with_the_tokens():
    design = make(tokens=20, folding={"tokens": 2})
    plan = NetworkPlan(design)
    counts = [network_cycles(plan, {"length": np.array(n)}) for n in (1, 8, 16, 20)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] == network_cycles(plan)


def test_what_is_laid_over_what_is_gone():
    """Tensors that are needed at a time do not overlap, and all lie below the last slot."""
    for changes in NETWORKS.values():
        plan = NetworkPlan(make(**changes))
        spans = {name: set(range(one.slot, one.end)) for name, one in plan.tensors.items()}
        if plan.tensors["x"] == plan.tensors["input"]:
            spans["x"] = set()
        others = {name for name in spans if "." in name or name in ("branch", "both", "mask")}
        for together in (("input", "x", "query", "key", "value"), ("input", "x", "expand")):
            slots = [slot for name in {*together, *others} & {*spans} for slot in spans[name]]
            assert len(slots) == len(set(slots))
        assert not spans["attention"] & (spans["x"] | spans["query"] | spans["value"])
        assert max(set().union(*spans.values())) < plan.slot_count - 1
