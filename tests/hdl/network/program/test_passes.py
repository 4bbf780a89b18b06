"""Passes and their groups: those of an output add up its weights, in the order of the program."""

import numpy as np
import pytest

from spikeloom.hdl.network.plan import NetworkPlan
from spikeloom.hdl.network.program.assemble import assemble, layout_of, runs
from spikeloom.hdl.network.program.passes import groups, readings
from spikeloom.hdl.network.program.words import header

from ....networks.draws import block, make, masked
from ....networks.interpreter import parts

BLOCKS = {
    "ternary": [block()],
    "eight bits": [block(weight_bits=8, residual="add")] * 2,
    "membrane": [block(weight_bits=3, residual="membrane")],
    "mask": [masked("qk-token", residual="xor")],
}


def plan_of(name, lanes, planes):
    folding = {"lanes": lanes, "planes": planes}
    encoder = {"weight_bits": 8, "bits": 5, "position_shift": 2}
    return NetworkPlan(make(4, blocks=BLOCKS[name], encoder=encoder, folding=folding))


def wanted(plan, layer, n):
    """Sum of the weights of each row of the memories and lane: {(row, lane): weight}."""
    found = {}
    for term in layer.terms:
        tensor = plan.tensors[term.tensor]
        for group, weights in enumerate(term.weight):
            for at in term.inputs:
                for lane, weight in enumerate(weights[n]):
                    slot = tensor.slot + at.plane * tensor.slots + lane // plan.lanes
                    row = (slot << plan.row_bits) + group * (plan.rows // len(term.weight))
                    key = (row, lane % plan.lanes)
                    value = at.sign * int(weight) << at.place + term.shift
                    found[key] = found.get(key, 0) + value
    return {key: value for key, value in found.items() if value}


@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("lanes", [16, 64])
@pytest.mark.parametrize("name", BLOCKS)
def test_groups_add_up_the_weights_of_every_output(name, lanes, planes):
    plan = plan_of(name, lanes, planes)
    for layer in plan.layers:
        if layer is None:
            continue
        for n, passes in enumerate(readings(plan, layer)):
            sums = {}
            for group, members in groups(plan, passes):
                assert len(members) == group.slots * group.digits
                for k, one in enumerate(members):
                    digit, slot = divmod(k, group.slots)
                    moves = group.moves if k == 0 else planes * (slot == 0)
                    sums = {key: value << moves for key, value in sums.items()}
                    signs = group.top if digit == 0 else (group.rest,) * planes
                    row = group.row + (slot << plan.row_bits)
                    for plane, lane in zip(*np.nonzero(one.bits), strict=True):
                        key = (row, int(lane))
                        sums[key] = sums.get(key, 0) + (signs[plane] << int(plane))
            sums = {key: value for key, value in sums.items() if value}
            assert sums == wanted(plan, layer, n)


def test_a_layer_whose_outputs_take_the_same_passes_has_one_header():
    plan = NetworkPlan(make(dim=32, blocks=[block(hidden=40)], folding={"planes": 2}))
    heads = [head for head, _ in parts(plan, plan.program.words) if head["sync"]]
    # query, key, value and project, expand, contract: two slots of 16 lanes, and three.
    assert [one["outputs"] + 1 for one in heads[1:7]] == [32, 32, 32, 32, 40, 32]
    assert [one["slots"] + 1 for one in heads[1:7]] == [2, 2, 2, 2, 2, 3]


def test_headers_have_room_for_what_there_is():
    plan = plan_of("eight bits", 16, 2)
    given = list(runs(plan, plan.layers))
    layout = layout_of(given, plan.depth)
    assert layout == plan.sections.layout
    assert layout.members["row"] == (plan.depth - 1).bit_length()
    for name in ("slots", "digits", "outputs", "place"):
        most = max(run.values.get(name, 0) for run in given)
        assert layout.members[name] == most.bit_length()
    assert header(dict.fromkeys(("row", "slots"), 3), ()).members["row"] == 2


def test_programs_are_written_the_same_again():
    plan = plan_of("ternary", 64, 2)
    bits = (plan.widths.bias, plan.widths.threshold)
    again = assemble(plan.runs, plan.sections, planes=2, bits=bits)
    assert again.words == plan.program.words
    # Every word belongs to a pass, or is a parameter of an output.
    outputs = sum(one.flags.get("last", 0) for one in again.passes)
    read = sum(one.words for one in again.passes) + outputs * plan.sections.parameters
    assert read == len(again.words)
