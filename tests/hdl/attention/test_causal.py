import numpy as np
import pytest
from amaranth.sim import Simulator

from spikeloom.design import Design
from spikeloom.golden.causal import visible
from spikeloom.hdl.attention.score.causal import KeySight
from spikeloom.sim.pysim import add_clock

from ...designs import check

SIGHTS = [{"causal": True}, {"window": 1}, {"window": 4}, {"causal": True, "window": 2}]


def make(**keys):
    return Design.from_dict(
        {"tokens": 11, "dim": 16, "heads": 2, "steps": 3, "scale": "1/4", "target": {"beat": 8}}
        | keys
    )


@pytest.mark.parametrize("keys", SIGHTS, ids=str)
@pytest.mark.parametrize("rows", [1, 2, 8])
@pytest.mark.parametrize("tokens", [2, 9])
def test_sight_walks_through_the_mask(keys, rows, tokens):
    """Two rounds of every block and pass, with gaps between the keys."""
    if rows > tokens:
        return
    design = make(tokens=tokens, folding={"rows": rows}, **keys)
    blocks, passes = -(-tokens // rows), 2
    sight = KeySight(design, blocks=blocks, passes=passes)
    mask = visible(design)
    rng = np.random.default_rng(rows)

    async def bench(ctx):
        for _ in range(2):
            for block, _, key in np.ndindex(blocks, passes, tokens):
                while rng.random() < 0.3:
                    ctx.set(sight.key, 0)
                    await ctx.tick()
                ctx.set(sight.key, 1)
                await ctx.tick()
                ctx.set(sight.key, 0)
                for row in range(min(rows, tokens - block * rows)):
                    seen = ctx.get(sight.seen) >> row & 1
                    assert seen == mask[block * rows + row, key], (block, row, key)

    sim = Simulator(sight)
    add_clock(sim)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize("keys", SIGHTS, ids=str)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"folding": {"rows": 4, "lanes": 4}},
        {"similarity": "xnor", "position": ["gray", "log"], "folding": {"rows": 2}},
        {"similarity": "hamming", "neuron": "none"},
        {"similarity": "alpha-xnor", "alpha": ["1/4", "1/2"], "reset": "soft", "scale": "1/8"},
        {"gate": 1, "scale": 1},
    ],
    ids=str,
)
def test_layer_equals_golden(keys, more):
    golden = check(make(tokens=7, steps=2, **keys, **more), stalls=0.2, seed=1, rates=(0.8, 0.6))
    assert any(answer.any() for answer in golden)


def test_a_layer_that_sees_all_is_refused():
    with pytest.raises(ValueError, match=r"^Design must be causal or have a window"):
        KeySight(make(), blocks=11, passes=1)
