import numpy as np
import pytest
from amaranth.sim import Simulator

from spikeloom.design import Design
from spikeloom.hdl.attention.layer import AttentionLayer
from spikeloom.hdl.attention.score.chunk import RowWalk
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.pysim import add_clock
from spikeloom.sim.verilog import to_rtlil

from ...designs import check


def make(**keys):
    return Design.from_dict(
        {"tokens": 7, "dim": 8, "heads": 2, "steps": 4, "chunk": 2, "scale": "1/8"}
        | {"target": {"beat": 4}}
        | keys
    )


@pytest.mark.parametrize("rows", [1, 2, 4])
@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.parametrize("tokens", [1, 4, 7])
@pytest.mark.parametrize("together", [False, True])
def test_walk_follows_the_tokens_of_a_chunk(rows, passes, tokens, together):
    """Two runs, with gaps; a pass ends with its last row or later."""
    walk = RowWalk(make(tokens=tokens, steps=3, chunk=3), passes=passes)
    rng = np.random.default_rng(rows)

    async def tick(ctx, **members):
        while rng.random() < 0.3:
            await ctx.tick()
        for name, value in members.items():
            ctx.set(getattr(walk, name), value)
        await ctx.tick()
        for name in members:
            ctx.set(getattr(walk, name), 0)

    async def bench(ctx):
        for _ in range(2):
            for block, turn in np.ndindex(-(-3 * tokens // rows), passes):
                ends = {"end": 1, "last": int(turn == passes - 1)}
                for row in range(rows):
                    query = block * rows + row
                    if query < 3 * tokens:
                        found = ctx.get(walk.step), ctx.get(walk.token)
                        assert found == divmod(query, tokens), (block, turn, row)
                    with_row = ends if together and row == rows - 1 else {}
                    await tick(ctx, row=1, **with_row)
                if not together:
                    await tick(ctx, **ends)
            for _ in range(rows):
                await tick(ctx, row=1)
            await tick(ctx, restart=1)

    sim = Simulator(walk)
    add_clock(sim)
    sim.add_testbench(bench)
    sim.run()


LATE = [{"scale": ["1/8", "1/4"]}, {"tau": 3}]
FEW = [
    *((4, rows, tokens, {}) for rows, tokens in [(1, 1), (1, 2), (2, 4), (4, 4), (4, 7), (8, 11)]),
    *(
        (4, rows, tokens, more)
        for rows, tokens in [(1, 1), (1, 2), (2, 4), (4, 7)]
        for more in LATE
    ),
    *((2, rows, tokens, {}) for rows, tokens in [(1, 1), (2, 2), (2, 3), (4, 5)]),
]


@pytest.mark.parametrize(("lanes", "rows", "tokens", "more"), FEW, ids=str)
def test_membranes_of_few_tokens_are_written_before_they_are_read(lanes, rows, tokens, more):
    """The fewest tokens that a number of rows takes, with one pass and two; late writes."""
    design = make(tokens=tokens, folding={"rows": rows, "lanes": lanes}, **more)
    golden = check(design, stalls=0.2, seed=rows, rates=(0.9, 0.5))
    assert any(answer.any() for answer in golden)


def test_one_token_of_one_channel():
    """A query of step 0 sees the key of step 1: nothing but the neuron lies between the steps."""
    check(make(tokens=1, dim=1, heads=1, steps=2, scale=1), stalls=0.2, seed=3)


@pytest.mark.parametrize(
    "more",
    [
        {"steps": 6, "chunk": 3},
        {"chunk": 4, "folding": {"buffers": 2}},
        {"keys": 3, "folding": {"rows": 2, "buffers": 1}},
        {"keys": 11, "folding": {"lanes": 2}},
        {"folding": {"heads": 2}},
        {"similarity": "xnor", "folding": {"rows": 2}},
        {"similarity": "hamming", "scale": "1/8", "chunk": 4},
        {"similarity": "hamming", "neuron": "none", "folding": {"rows": 4}},
        {"similarity": "alpha-xnor", "alpha": ["1/4", "1/2"], "reset": "soft", "scale": "1/16"},
        {"gate": 1, "scale": "1/2", "neuron": "if"},
    ],
    ids=str,
)
def test_layer_equals_golden(more):
    golden = check(make(**more), stalls=0.2, seed=2, rates=(0.9, 0.5))
    assert any(answer.any() for answer in golden)


@pytest.mark.parametrize("rows", [1, 4])
def test_memories_and_cycles(rows):
    """Inputs and output hold a chunk, membranes a step; a slot for each key of each step."""
    layer = AttentionLayer(make(tokens=9, keys=3, folding={"rows": rows, "buffers": 1}))
    depth = {shape.name: shape.depth for shape in layer.memories}
    assert depth == {"k": 8, "v": 8, "q": 32, "o": 32, "membrane": 16}
    plain = AttentionLayer(make(tokens=9, chunk=1)).compute_cycles() / 8 - 9 * 10 - 1
    blocks = -(-18 // rows)
    assert layer.compute_cycles() == 4 * (blocks * (rows + 6) + rows + plain)


def test_chunks_of_one_step_are_the_layer_without():
    plain = {"tokens": 7, "dim": 8, "heads": 2, "steps": 4}
    chunk = Design.from_dict(plain | {"chunk": 1})
    assert to_rtlil(AxiStreamTop(chunk)) == to_rtlil(AxiStreamTop(Design.from_dict(plain)))


def test_a_walk_of_one_step_is_refused():
    with pytest.raises(ValueError, match=r"^Chunk must be of 2 steps or more, not 1"):
        RowWalk(make(chunk=1), passes=1)
