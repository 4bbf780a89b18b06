import random

import numpy as np
import pytest
from amaranth.sim import Simulator

from spikeloom.design import Design
from spikeloom.golden.position import bias as matrix
from spikeloom.hdl.attention.score.bias import BiasStream
from spikeloom.sim.pysim import add_clock

from ...designs import BIASED, FACTORS, layer


def slots(design):
    """The slots of a run of the engine, with what every row needs in the slots of keys."""
    for block in range(-(-design.tokens // design.rows)):
        for _ in range(-(-design.head_dim // design.lanes)):
            yield from [None] * design.rows
            yield from ((block, key) for key in range(design.tokens))
    yield from [None] * design.rows


def follow(design, *, runs=2):
    """Walk the generator through runs of every head, with rests between runs."""
    stream = BiasStream(design)
    draw = random.Random(4)
    order = [head for _ in range(runs) for head in range(design.heads)]
    seen = []

    async def testbench(ctx):
        pending = []
        for head in order:
            ctx.set(stream.head, head if stream.heads > 1 else 0)
            rests = ["rest"] * (stream.latency + draw.randrange(4))
            for slot in [*slots(design), *rests]:
                ctx.set(stream.shift, slot is None)
                ctx.set(stream.key, isinstance(slot, tuple))
                if len(pending) == stream.latency:
                    due = pending.pop(0)
                    if isinstance(due, tuple):
                        seen.append((*due, [ctx.get(port) for port in stream.o]))
                pending.append(slot if not isinstance(slot, tuple) else (head, *slot))
                await ctx.tick()

    simulator = Simulator(stream)
    add_clock(simulator)
    simulator.add_testbench(testbench)
    simulator.run()
    return seen


@pytest.mark.parametrize("rows", [1, 2, 4, 8])
@pytest.mark.parametrize("tokens", FACTORS["tokens"])
@pytest.mark.parametrize("name", BIASED)
def test_every_pair_has_its_bias(name, tokens, rows):
    row = {"similarity": "and", "position": name, "neuron": "none", "tokens": tokens}
    row |= {"head_dim": 4, "steps": 1, "rows": rows, "lanes": 2, "beat": 8, "heads": 3}
    design = layer({**row, "buffers": "auto", "grid": 1})
    if tokens == 32:
        design = Design.from_dict(
            {**design.model_dump(exclude_unset=True), "folding": {"rows": design.rows}}
        )
    expected = [matrix(design, head) for head in range(design.heads)]
    met = np.zeros((design.heads, tokens, tokens), dtype=int)
    for head, block, key, biases in follow(design):
        for index, bias in enumerate(biases):
            query = block * design.rows + index
            # A row beyond the last token may have any bias.
            if query < tokens:
                assert bias == expected[head][query, key], (head, query, key)
                met[head, query, key] += 1
    assert (met == 2 * -(-4 // design.lanes)).all()


def test_one_table_for_all_heads_is_kept_once():
    rows = [
        {**{"similarity": "and", "neuron": "none", "tokens": 3, "head_dim": 4, "steps": 1}, **more}
        for more in ({"position": "xor"}, {"position": "xor-shared"}, {"position": "log"})
    ]
    fixed = {"rows": 1, "lanes": 4, "beat": 8, "heads": 3, "buffers": 1, "grid": 1}
    assert [BiasStream(layer({**row, **fixed})).heads for row in rows] == [3, 1, 1]


def test_needs_a_bias():
    design = Design.from_dict({"tokens": 4, "dim": 4, "heads": 1, "steps": 1, "position": "gray"})
    message = r"^Positions must add one bias, not \('gray',\)$"
    with pytest.raises(ValueError, match=message):
        BiasStream(design)
