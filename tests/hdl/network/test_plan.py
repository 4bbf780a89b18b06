"""Where the spikes of a network lie, and which memories it has."""

import pytest

from spikeloom.design.read import DesignError
from spikeloom.hdl.network.geometry import Geometry, Tensor
from spikeloom.hdl.network.plan import network_plan

from ...networks.draws import block, make

# What is written while the others are still read.
TOGETHER = (
    ("input", "x"),
    ("x", "query", "key", "value"),
    ("x", "attention", "query", "value"),
    ("x", "expand"),
)


def designs():
    for lanes, at_once in ((16, 1), (32, 2), (64, 8)):
        yield make(0, folding={"lanes": lanes, "tokens": at_once})
        yield make(0, dim=40, blocks=[block(hidden=90)], folding={"lanes": lanes})


FOLDING = {"lanes": 64, "tokens": 2, "planes": 2, "weights": "spram"}
DESIGNS = list(designs())


@pytest.mark.parametrize("design", DESIGNS, ids=map(str, range(len(DESIGNS))))
def test_tensors_that_are_needed_together_lie_apart(design):
    plan = Geometry(design)
    for names in TOGETHER:
        tensors = [plan.tensors[name] for name in names]
        used = [slot for tensor in tensors for slot in range(tensor.slot, tensor.end)]
        score_order = not plan.keys_turned
        if names[1] == "query" or score_order or "key" not in names:
            assert len(used) == len(set(used)), names


@pytest.mark.parametrize("design", DESIGNS, ids=map(str, range(len(DESIGNS))))
def test_last_row_is_nobodys(design):
    plan = Geometry(design)
    assert max(tensor.end for tensor in plan.tensors.values()) < plan.slot_count
    assert plan.depth == plan.slot_count << plan.row_bits >= plan.rows


def test_more_rows_than_a_program_can_name_are_refused():
    wide = {"tokens": 1024, "dim": 1024, "encoder": {"inputs": 3, "bits": 8}}
    with pytest.raises(
        DesignError, match=r"^folding\.lanes: 16: must be greater: \d+ slots of 1024"
    ):
        Geometry(make(0, **wide, folding={"lanes": 16}))


def test_slots_of_a_tensor_go_plane_by_plane():
    assert Tensor(3, 2, planes=4).end == 11


def test_memories_of_a_folding():
    design = make(0, tokens=32, dim=64, folding=FOLDING)
    plan = network_plan(design)
    spikes = [shape for shape in plan.memories if shape.name.startswith("spikes")]
    assert [shape.name for shape in spikes] == ["spikes0_0", "spikes0_1", "spikes1_0", "spikes1_1"]
    assert all((shape.width, shape.ebr) == (64, 4) for shape in spikes)
    program = plan.program_shape
    assert (program.single_port, program.width) == (True, 64)
    # Its CRC and a word that tells frames which are too long come behind it.
    assert program.depth > len(plan.program.words) >= program.depth // 2
    assert network_plan(design) is plan
