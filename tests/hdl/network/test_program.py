"""Programs of networks, run in plain Python: they add up W x + b, and give golden's spikes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloom.golden.network import trace
from spikeloom.golden.network.formula import attend
from spikeloom.hdl.network.plan import NetworkPlan
from spikeloom.hdl.network.program.widths import widths
from spikeloom.hdl.network.program.words import FLAGS

from ...networks.draws import block, draw_input, make, masked
from ...networks.interpreter import Machine


def spikes_of(machine, name, channels):
    """Read a tensor, (T, n, channels)."""
    plan = machine.plan
    tensor = plan.tensors[name]
    found = np.zeros((plan.design.steps, machine.length, len(channels)), np.uint8)
    for t, steps in enumerate(machine.memory):
        for n in range(machine.length):
            for c, channel in enumerate(channels):
                word = steps[n][tensor.slot + channel // plan.lanes]
                found[t, n, c] = word >> channel % plan.lanes & 1
    return found


def by_head(plan):
    """Say where channels lie in words of their heads, which begin a word of 16 each."""
    head = plan.layer.head_dim
    room = -(-head // 16) * 16
    return [c // head * room + c % head for c in range(plan.design.dim)]


def run(design, x):
    """Run the program of a network; give the numbers, and q, k and v of each attention layer."""
    plan = NetworkPlan(design)
    machine, seen = Machine(plan), []
    machine.load(x)
    blocks = [n for n, one in enumerate(design.blocks) if one.attention.kind == "attention"]

    def attention(machine):
        places, n = by_head(plan), blocks[len(seen)]
        q, v = (spikes_of(machine, name, places) for name in ("query", "value"))
        if plan.keys_turned:
            rows = [[[row[n][c] for c in range(design.dim)] for n in range(machine.length)]
                    for row in machine.turned]  # fmt: skip
            k = np.array(rows, np.uint8)
        else:
            k = spikes_of(machine, "key", places)
        answer = attend(design, n, {"query": q, "key": k, "value": v})
        seen.append((n, q, k, v, answer))
        tensor = plan.tensors["attention"]
        for t, n in np.ndindex(design.steps, machine.length):
            for slot in range(tensor.slot, tensor.end):
                machine.memory[t][n][slot] = 0
            for c, channel in enumerate(places):
                slot = tensor.slot + channel // plan.lanes
                machine.put(t, n, slot, channel % plan.lanes, int(answer[t, n, c]))

    # Lanes of no channel may hold anything: here they are ones.
    for t, n in np.ndindex(design.steps, design.tokens):
        for slot in range(plan.tensors["input"].end, plan.slot_count):
            machine.memory[t][n][slot] = (1 << plan.lanes) - 1
    machine.run(plan.program.words, attention)
    return machine, seen


def compare(design, x):
    machine, seen = run(design, x)
    want = trace(design, x)
    for i, *arrays in seen:
        for name, found in zip(("query", "key", "value", "attention"), arrays, strict=True):
            assert (found == want.spikes[f"blocks.{i}.{name}"]).all(), name
    assert len(seen) == sum(one.attention.kind == "attention" for one in design.blocks)
    last = design.blocks[-1].residual
    if last not in ("add", "membrane"):
        out = spikes_of(machine, "x", range(design.dim))
        assert (out == want.spikes[f"blocks.{design.depth - 1}.out"]).all()
    if "readout" in want.spikes:
        out = spikes_of(machine, "x", range(design.dim))
        assert (out == want.spikes["readout"]).all()
    assert machine.numbers == want.logits.tolist()
    return machine


@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("inputs", [(1, False), (1, True), (4, True), (8, False), (8, True)])
def test_every_width_of_weights_and_inputs(bits, inputs, planes):
    design = make(
        bits,
        encoder={"weight_bits": bits, "bits": inputs[0], "signed": inputs[1], "position": "none"},
        blocks=[block(weight_bits=bits)],
        readout={"weight_bits": bits},
        folding={"planes": planes},
    )
    compare(design, draw_input(design, bits, 4))


@pytest.mark.parametrize("lanes", [16, 32, 64])
@pytest.mark.parametrize(("dim", "heads", "hidden"), [(12, 2, 20), (36, 2, 70), (24, 3, 33)])
def test_every_number_of_lanes(lanes, dim, heads, hidden):
    one = block(hidden=hidden, attention={"heads": heads})
    design = make(
        dim=dim, encoder={"inputs": 35}, blocks=[one], folding={"lanes": lanes}, tokens=18
    )
    compare(design, draw_input(design, lanes, 17))


@pytest.mark.parametrize("order", ["score", "state"])
@pytest.mark.parametrize("residual", ["or", "iand"])
def test_blocks_that_differ(residual, order):
    shared = {"folding": {"order": order}}
    blocks = [
        block(hidden=20, residual=residual, attention=shared),
        block(hidden=7, residual="or", weight_bits=8, attention=shared),
        block(hidden=33, residual="iand", weight_bits=1, attention=shared),
    ]
    design = make(blocks=blocks, steps=3)
    compare(design, draw_input(design, 5))


@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("residual", ["or", "xor", "add", "membrane"])
def test_every_residual_with_and_without_an_encoder(residual, planes):
    blocks = [
        *(block(residual=residual, weight_bits=4), masked("qk-token", residual=residual)),
        block(residual=residual, hidden=9),
    ]
    folding = {"planes": planes, "lanes": 16 * planes}
    design = make(9, blocks=blocks, folding=folding, steps=3)
    compare(design, draw_input(design, 1, 4))
    bits = {"or": 1, "xor": 1, "add": 2, "membrane": 6}[residual]
    encoder = {"kind": "none", "inputs": 12, "bits": bits, "signed": residual == "membrane"}
    design = make(3, blocks=blocks, folding=folding, encoder={**encoder, "coding": "steps"})
    compare(design, draw_input(design, 1, 4))


@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("kind", ["linear", "none"])
def test_membranes_that_are_read_out(kind, planes):
    encoder = {"bits": 3, "fraction": 3, "position_shift": 1}
    if kind == "none":
        encoder = {"kind": kind, "inputs": 12, "bits": 5, "fraction": 1}
    more = {"readout": {"neurons": "none", "weight_bits": 8}, "folding": {"planes": planes}}
    design = make(2, blocks=[block(residual="membrane")] * 2, encoder=encoder, steps=3, **more)
    compare(design, draw_input(design, 2, 4))


@pytest.mark.parametrize("fraction", [0, 2, 4])
@pytest.mark.parametrize("residual", ["iand", "membrane"])
def test_fraction_of_the_encoder(residual, fraction):
    encoder = {"fraction": fraction, "position_shift": 1}
    design = make(5, blocks=[block(residual=residual)] * 2, encoder=encoder, steps=3)
    compare(design, draw_input(design, 2))


@pytest.mark.parametrize(
    "neuron",
    [
        *({"neuron": "if"}, {"neuron": "if", "reset": "soft"}, {"reset": "soft"}),
        *({"decay": "1/4"}, {"fires": "above"}, {"fires": "above", "reset": "soft"}),
        {"decay_input": False},
    ],
)
@pytest.mark.parametrize("residual", ["xor", "membrane"])
def test_neurons_that_shift(residual, neuron):
    blocks = [masked("sdsa", residual=residual), masked("qk-token", residual=residual)]
    for fraction in (0, 4):
        design = make(6, blocks=blocks, steps=4, fraction=fraction, **neuron)
        compare(design, draw_input(design, 2))


@pytest.mark.parametrize(
    "neuron",
    [
        {},
        {"attention": "qk-channel"},
        {"attention": "sdsa"},
        {"threshold": "3/2"},
        {"threshold": 3, "scale": "1/2"},
        {"threshold": "2/3"},
    ],
)
def test_neurons_of_masks(neuron):
    one = masked("qk-token", attention=neuron)
    design = make(8, blocks=[one, one], steps=4)
    compare(design, draw_input(design, 2))


@pytest.mark.parametrize(("groups", "at_once"), [(1, 4), (2, 1), (3, 2), (6, 1)])
def test_groups_of_the_read_out(groups, at_once):
    design = make(
        tokens=6, readout={"groups": groups, "weight_bits": 8}, folding={"tokens": at_once}
    )
    for length in (1, 3, 4, 6):
        compare(design, draw_input(design, length, length))


@settings(max_examples=30)
@given(data=st.data())
def test_drawn_programs(data):
    bits, signed = data.draw(st.integers(1, 8)), data.draw(st.booleans())
    placed, shift = data.draw(st.booleans()), data.draw(st.integers(0, 7))
    tokens, width = data.draw(st.integers(1, 18)), data.draw(st.sampled_from([1, 2, 3, 4, 8]))
    design = make(
        data.draw(st.integers(0, 99)),
        tokens=tokens,
        steps=data.draw(st.integers(1, 4)),
        fraction=data.draw(st.integers(0, 8)),
        encoder={
            **{"bits": bits, "signed": signed, "position_shift": shift, "weight_bits": width},
            "position": "absolute" if placed else "none",
        },
        blocks=[block(weight_bits=data.draw(st.sampled_from([1, 2, 3, 4, 8])))],
        readout={"weight_bits": width},
        folding={
            "lanes": data.draw(st.sampled_from([16, 32, 64])),
            "planes": data.draw(st.sampled_from([1, 2])),
            "tokens": data.draw(st.sampled_from([1, 2, 4, 8])),
        },
    )
    compare(design, draw_input(design, 1, data.draw(st.integers(1, tokens))))


def test_flags_say_what_follows_what():
    design = make(blocks=[block()] * 2)
    plan = NetworkPlan(design)
    passes = plan.program.passes
    layers = 1 + 6 * 2 + 1
    assert sum(one.begins for one in passes) == layers + 2
    # Heads of 6 channels begin words of their own, in each of query, key and value.
    assert sum("sync" in one.flags for one in passes) == layers + 2 * 3
    assert sum("release" in one.flags and "sync" in one.flags for one in passes) == 1
    assert [sum(name in one.flags for one in passes) for name in ("attends", "ends")] == [2, 1]
    outputs = 12 + 2 * (5 * 12 + 20) + 3
    assert sum("last" in one.flags for one in passes) == outputs
    assert sum("final" in one.flags for one in passes) == 1
    assert "ends" in passes[-1].flags
    assert "final" in passes[-2].flags
    assert {name for one in passes for name in one.flags} <= set(FLAGS.members)


@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_widths_hold_every_sum_on_its_way(bits, planes):
    """Of random words in the memories, sums of a pass after the other stay within their bits."""
    design = make(
        encoder={"weight_bits": bits, "bits": 4},
        blocks=[block(weight_bits=bits, hidden=40)],
        readout={"weight_bits": bits},
        folding={"planes": planes},
    )
    plan = NetworkPlan(design)
    wide = widths(design, plan.layers, plan.runs)
    assert wide == plan.widths
    rng, least, most = np.random.default_rng(bits), 0, 0
    for density in (0.0, 0.1, 0.5, 0.9, 1.0):
        for _ in range(3):
            total = 0
            for one in plan.program.passes[:-1]:
                if "attends" in one.flags or "reads_out" in one.flags:
                    continue
                word = rng.random(plan.lanes) < density
                part = int(word @ one.low) * (-1 if "minus_low" in one.flags else 1)
                part += 2 * int(word @ one.high) * (-1 if "minus_high" in one.flags else 1)
                factor = 1 if "double" not in one.flags else 4 if "twice" in one.flags else 2
                total = part if "first" in one.flags else total * factor + part
                least, most = min(least, total), max(most, total)
    assert -(1 << wide.total - 1) <= least
    assert most < 1 << wide.total - 1
