from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeloom.design import Design
from spikeloom.golden.attention.beats import counts
from spikeloom.golden.ranges import ranges
from spikeloom.hdl.attention.layer import layer_plan
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.attention.state.plan import StatePlan
from spikeloom.hdl.attention.wide.plan import WidePlan
from spikeloom.hdl.frame.memory_map import MemoryShape, ebr_blocks

from ...designs import FACTORS, cover, layer

PLANS = [Plan(layer(row)) for row in cover(FACTORS, 1)] + [
    Plan(layer(row)) for row in cover(FACTORS, 2)[::9]
]


@pytest.mark.parametrize(
    ("width", "depth", "blocks"),
    [
        *((16, 256, 1), (17, 256, 2), (16, 257, 2), (8, 512, 1), (4, 1024, 1), (2, 2048, 1)),
        *((1, 2048, 1), (1, 2049, 2), (1, 1, 1), (64, 128, 4), (64, 512, 8), (12, 512, 2)),
        *((3, 1024, 1), (5, 1024, 2), (512, 2048, 256)),
    ],
)
def test_blocks_of_a_memory(width, depth, blocks):
    assert ebr_blocks(width, depth) == blocks
    assert MemoryShape("x", width, depth).ebr == blocks


@given(st.integers(1, 600), st.integers(1, 5000))
def test_blocks_hold_the_bits_and_never_shrink(width, depth):
    blocks = ebr_blocks(width, depth)
    assert blocks * 4096 >= width * depth
    assert blocks <= ebr_blocks(width + 1, depth)
    assert blocks <= ebr_blocks(width, depth + 1)
    assert blocks <= ceil(width / 16) * ceil(depth / 256)


def plan_name(plan):
    return f"{plan.tokens}-{plan.design.head_dim}-{plan.lanes}-{plan.beat}"


@pytest.mark.parametrize("plan", PLANS, ids=plan_name)
def test_every_channel_and_token_has_its_place(plan):
    assert plan.passes * plan.lanes >= plan.design.head_dim > (plan.passes - 1) * plan.lanes
    assert plan.blocks * plan.rows >= plan.tokens > (plan.blocks - 1) * plan.rows
    assert plan.beats * plan.beat >= plan.design.head_dim > (plan.beats - 1) * plan.beat
    assert plan.v.words * plan.v.slices >= plan.beats > (plan.v.words - 1) * plan.v.slices
    # A pass is a whole word, or words hold several whole passes.
    assert plan.v.words == ceil(plan.passes / plan.v.shared)
    assert plan.v.shared * plan.lanes <= plan.v.slices * plan.beat
    assert plan.design.channels == plan.design.head_dim + plan.design.code_bits


@pytest.mark.parametrize("plan", PLANS, ids=plan_name)
def test_memories_hold_what_the_streams_carry(plan):
    design, number = plan.design, counts(plan.design)
    for name, beats in (("k", number.k), ("q", number.q), ("v", number.v)):
        shape = plan.memory(name)
        assert shape.width % plan.beat == 0
        assert shape.width // plan.beat * shape.depth >= beats * plan.in_banks
        assert shape.depth.bit_count() == 1
    assert plan.o.width // plan.beat * plan.o.depth >= number.out * plan.out_banks
    assert number.out == plan.out.beats * plan.tokens
    spans = ranges(design)
    for (low, high), kept in (
        (spans.drive, plan.drive_shape),
        (spans.clipped_score, plan.score_shape),
    ):
        assert kept.signed == (low < 0)
        assert not kept.signed or -(1 << kept.width - 1) <= low
        assert high < 1 << kept.width - kept.signed
    assert plan.spec is not None or plan.out.field >= plan.drive_shape.width
    assert plan.has_membranes == any(shape.name == "membrane" for shape in plan.memories)
    assert not (plan.has_membranes and (design.steps == 1 or design.neuron == "none"))


@pytest.mark.parametrize("plan", PLANS, ids=plan_name)
def test_second_bank_is_free_or_asked_for(plan):
    asked = plan.design.folding.buffers
    if asked != "auto":
        assert (plan.in_banks, plan.out_banks) == (asked, asked)
        return
    data = plan.design.model_dump(mode="python", exclude_unset=True)
    single = Plan(Design.from_dict({**data, "folding": {**data["folding"], "buffers": 1}}))
    double = Plan(Design.from_dict({**data, "folding": {**data["folding"], "buffers": 2}}))
    taken, least = ([m.ebr for m in p.memories] for p in (plan, single))
    assert sum(taken) == sum(least)
    if (plan.in_banks, plan.out_banks) != (2, 2):
        assert sum(m.ebr for m in double.memories) > sum(least)


def test_tiny_layer():
    design = Design.from_dict({"tokens": 32, "dim": 64, "heads": 4, "steps": 4})
    plan = Plan(design)
    shapes = {m.name: (m.width, m.depth, m.ebr) for m in plan.memories}
    # 16 channels and two banks of 32 tokens.
    assert {name: shapes[name] for name in ("k", "q", "v", "o")} == dict.fromkeys(
        ("k", "q", "v", "o"), (16, 64, 1)
    )
    assert (plan.in_banks, plan.out_banks) == (2, 2)
    assert shapes["membrane"][1] == 32


def test_unknown_memory():
    with pytest.raises(StopIteration):
        PLANS[0].memory("score")


@pytest.mark.parametrize(
    ("folding", "kind"),
    [
        ({"order": "score"}, Plan),
        ({"order": "state"}, StatePlan),
        ({"order": "state", "spikes": 2}, WidePlan),
    ],
)
def test_a_layer_has_the_plan_of_its_order(folding, kind):
    keys = {"tokens": 4, "dim": 8, "heads": 1, "steps": 1, "folding": folding}
    assert type(layer_plan(Design.from_dict(keys))) is kind
