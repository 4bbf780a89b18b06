"""The inserter of Gray-PE: against the reflected code, written the way it is reflected."""

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.hdl.attention.state.plan import StatePlan
from spikeloom.hdl.attention.wide.plan import WidePlan
from spikeloom.hdl.position.gray_state import GrayInserter

from ...benches import receiver, sender, simulate
from ...chunks import cut
from ...restated import codes

LAYERS = {
    "plain": {"tokens": 6, "dim": 8},
    "one": {"tokens": 1, "dim": 4},
    "steps": {"tokens": 5, "dim": 12, "gray": {"index": "t*L+l"}},
    "grid": {"tokens": 12, "dim": 4, "gray": {"grid": [3, 4]}},
    "wide": {"tokens": 10, "dim": 12, "folding": {"spikes": 2}},
}


@pytest.mark.parametrize("stalls", [0.0, 0.5])
@pytest.mark.parametrize("beat", [1, 4, 8])
@pytest.mark.parametrize("name", LAYERS)
def test_rows_of_k_and_bits_of_q(name, beat, stalls):
    keys = {"heads": 1, "steps": 2, "similarity": "xnor", "position": "gray", **LAYERS[name]}
    if name == "wide":
        keys["similarity"] = "and"
    folding = {"order": "state", "lanes": 4, **keys.get("folding", {})}
    design = Design.from_dict({**keys, "folding": folding, "target": {"beat": beat}})
    plan = (WidePlan if name == "wide" else StatePlan)(design)
    dut = GrayInserter(design, plan)
    rng = np.random.default_rng(1)
    tokens, dim = design.tokens, design.dim
    # Several spikes a cycle are read at the same places in k and q: rows of zeros, as in q.
    lack = -dim % beat if name == "wide" else 0
    sent, want = [], []
    for step in [0, 1, 0]:
        # The low bit of a code comes first.
        code = np.array(codes(keys, step, tokens, 2))[:, ::-1]
        k, v, q = (
            rng.integers(0, 2, shape) for shape in ((dim, tokens), (tokens, dim), (tokens, dim))
        )
        given = [[word for row in part for word in cut(row, beat)] for part in (k, v, q)]
        sent += [word for part in given for word in part]
        want += given[0]
        want += [word for row in [*np.zeros((lack, tokens)), *code.T] for word in cut(row, beat)]
        want += given[1]
        for row, bits in zip(q, code, strict=True):
            want += [*cut(row, beat), *cut(bits, beat)]
    found = []
    simulate(
        dut,
        receiver(dut.o, found, len(want), stalls=stalls),
        sender(dut.i, sent, stalls=stalls, seed=1),
    )
    assert [data for data, _ in found] == want
