"""The rotator of v and q in state order: against the published schedule, restated."""

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.hdl.position.shift_state import TokenShifter

from ...benches import receiver, sender, simulate
from ...chunks import cut
from ...restated import turned


@pytest.mark.parametrize("stalls", [0.0, 0.5])
@pytest.mark.parametrize(
    ("tokens", "dim", "beat", "groups"), [(1, 4, 4, 1), (3, 8, 8, 2), (9, 12, 4, 4), (5, 12, 8, 2)]
)
def test_values_pass_and_queries_turn(tokens, dim, beat, groups, stalls):
    keys = {"tokens": tokens, "dim": dim, "heads": 1, "steps": 2, "position": "shift"}
    keys["shift"] = {"groups": groups, "base": 64, "rounding": "half-even"}
    folding = {"order": "state", "lanes": 4}
    design = Design.from_dict({**keys, "folding": folding, "target": {"beat": beat}})
    dut = TokenShifter(design)
    rng = np.random.default_rng(tokens)
    sent, want, ends = [], [], []
    for _ in range(3):
        v, q = rng.integers(0, 2, (2, tokens, dim))
        for section, result in ((v, v), (q, turned(q, keys))):
            sent += [word for row in section for word in cut(row, beat)]
            want += [word for row in result for word in cut(row, beat)]
        ends.append(len(want))
    found, taken, marked = [], 0, []

    async def watch(ctx):
        nonlocal taken
        signals = (dut.i.valid, dut.i.ready, dut.end)
        async for *_, valid, ready, end in ctx.tick().sample(*signals):
            taken += valid and ready
            if end:
                assert valid
                assert ready
                marked.append(taken)

    simulate(
        dut,
        receiver(dut.o, found, len(want), stalls=stalls),
        sender(dut.i, sent, stalls=stalls, seed=2),
        watch,
    )
    assert [data for data, _ in found] == want
    assert [n + 1 for n, (_, last) in enumerate(found) if last] == ends
    assert marked == ends
