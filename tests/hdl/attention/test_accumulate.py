import numpy as np
import pytest
from amaranth.sim import Simulator

from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import ranges
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.attention.score.accumulate import AccumulatorChain
from spikeloom.sim.pysim import add_clock

from ...designs import NEURONS, cover, layer

CHOICES = {
    **{"similarity": ("and", "xnor", "hamming", "alpha-xnor"), "position": ("none", "difference")},
    **{"neuron": tuple(NEURONS), "tokens": (1, 2, 3, 12), "head_dim": (4, 12), "steps": (1, 4)},
    **{"rows": (1, 2, 4), "lanes": (1, 4, 12), "beat": (8,), "heads": (1,), "buffers": (1,)},
    "grid": (1, 3),
}
ROWS = cover(CHOICES, 2)


def accumulate(design, scores, v):
    """Step the chain through inferences as the engine does; give what leaves it, (I, T, N, d)."""
    plan, chain = Plan(design), AccumulatorChain(design)
    out = np.zeros(v.shape, dtype=np.int64)
    turns = (plan.passes - 1).bit_length()
    tokens = 1 << (plan.tokens - 1).bit_length()
    order = [(block, turn) for block in range(plan.blocks) for turn in range(plan.passes)]

    def place(token, turn):
        return (token % tokens) << turns | turn

    def slots():
        """Slots of a run: which row leaves, which enters, and the key of any other slot."""
        gone = None
        for at in [*order, None]:
            for row in range(plan.rows):
                enters = at and (at[0] * plan.rows + row, at[1])
                yield gone and (gone[0] * plan.rows + row, gone[1]), enters, None
            if at is not None:
                for key in range(plan.tokens):
                    yield None, None, (*at, key)
            gone = at

    async def testbench(ctx):
        for n, t in np.ndindex(v.shape[:2]):
            run = list(slots())
            for index, (leaves, enters, key) in enumerate(run):
                # The membranes of a row are read in the cycle before it enters.
                if index == 0 and enters is not None:
                    ctx.set(chain.shift, 0)
                    ctx.set(chain.out_en, 0)
                    ctx.set(chain.v, 0)
                    ctx.set(chain.done, 0)
                    ctx.set(chain.in_addr, place(*enters))
                    await ctx.tick()
                ahead = run[index + 1][1] if index + 1 < len(run) else None
                ctx.set(chain.in_addr, place(*(ahead or (0, 0))))
                ctx.set(chain.shift, key is None)
                ctx.set(chain.done, index == len(run) - 1)
                exists = leaves is not None and leaves[0] < plan.tokens
                ctx.set(chain.out_en, exists)
                ctx.set(chain.out_addr, place(*leaves) if leaves else 0)
                if key is not None:
                    block, turn, j = key
                    channels = v[n, t, j, turn * plan.lanes : (turn + 1) * plan.lanes]
                    ctx.set(chain.v, sum(int(bit) << lane for lane, bit in enumerate(channels)))
                    for row in range(plan.rows):
                        i = min(block * plan.rows + row, plan.tokens - 1)
                        ctx.set(chain.scores[row], int(scores[n, t, i, j]))
                if exists:
                    token, turn = leaves
                    for lane in range(min(plan.lanes, plan.design.head_dim - turn * plan.lanes)):
                        value = (
                            ctx.get(chain.drives[lane])
                            if plan.spec is None
                            else ctx.get(chain.spikes) >> lane & 1
                        )
                        out[n, t, token, turn * plan.lanes + lane] = value
                await ctx.tick()

    simulator = Simulator(chain)
    add_clock(simulator)
    simulator.add_testbench(testbench)
    simulator.run()
    return out


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "/".join(map(str, row.values())))
def test_sums_and_fires_like_the_neuron(row):
    design = layer(row)
    rng = np.random.default_rng(row["tokens"])
    low, high = ranges(design).clipped_score
    shape = (2, design.steps, design.tokens)
    scores = rng.integers(low, high, (*shape, design.tokens), endpoint=True)
    v = rng.integers(0, 2, (*shape, design.head_dim))
    # A drive that the similarity cannot give would overflow, as it should: keep to its range.
    least, most = ranges(design).drive
    drives = np.einsum("ntij,ntjc->ntic", scores, v)
    while not ((least <= drives) & (drives <= most)).all():
        scores //= 2
        drives = np.einsum("ntij,ntjc->ntic", scores, v)
    got = accumulate(design, scores, v)
    if design.neuron == "none":
        assert (got == drives).all()
        return
    spec = NeuronSpec.from_design(design)
    for answer, x in zip(got, drives, strict=True):
        assert (answer == spec.run(x)).all()
