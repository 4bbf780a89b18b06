"""Predicted cycles of state order: against counts of the restated rows."""

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.hdl.attention.cycles import state_cycles
from spikeloom.hdl.attention.state.plan import StatePlan

from ....chunks import by_head, run_cycles
from ....restated import codes, turned

BASE = {"tokens": 6, "dim": 16, "heads": 2, "steps": 3, "similarity": "xnor"}
LAYERS = {
    "plain": {},
    "narrow": {"folding": {"lanes": 2}, "target": {"beat": 2}},
    "gray": {"position": "gray", "gray": {"index": "t*L+l"}},
    "shift": {"position": "shift", "shift": {"groups": 2, "base": 4}},
    "log": {"position": "log", "log": {"length": 7}},
    "log-wide": {"position": "log", "log": {"length": 40}},
}


def rows(keys, design, q, k, step):
    """Lay the rows of a head and step as they are in memory: a code begins a beat of its own."""
    if "shift" in keys:
        q, k = turned(q, keys), turned(k, keys)
    if "gray" in keys:
        # The low bit of a code comes first.
        code = codes(keys, step, design.tokens, design.steps)[:, ::-1]
        lack = np.zeros((len(q), -q.shape[1] % design.beat))
        q, k = np.hstack([q, lack, code]), np.hstack([k, code])
    return k.T, q


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("paced", [False, True])
def test_cycles_by_rows(name, rate, paced, monkeypatch):
    monkeypatch.setattr(StatePlan, "paced", property(lambda plan: paced))
    keys = {**BASE, **LAYERS[name]}
    folding = {"order": "state", "lanes": 8, **keys.get("folding", {})}
    design = Design.from_dict({**keys, "folding": folding})
    rng = np.random.default_rng(3)
    q, k = (rng.random((3, 6, 16)) < rate for _ in range(2))
    found = state_cycles(design, q, k)
    # The distances from which Log-PE's bias is less, by the formula of the paper.
    reaches = ()
    if "log" in keys:
        length = keys["log"]["length"]
        steps = (
            ((length - 2) >> r) + 1 if (length - 1) % (1 << r) else (length - 1) >> r
            for r in range(8)
            if 1 << r < length - 1
        )
        reaches = [top - 2 for top in steps if 0 <= top - 2 < design.tokens - 1]
    how = {"passes": 8 // folding["lanes"], "reaches": reaches, "ones": "log" in keys}
    for head, (a, b) in enumerate(zip(by_head(q, 2), by_head(k, 2), strict=True)):
        for step in range(3):
            k_rows, q_rows = rows(keys, design, a[step].astype(int), b[step].astype(int), step)
            least = 2 if paced and step else 1
            want = run_cycles(k_rows, q_rows, min(4, design.beat), least=least, **how)
            assert found[step, head] == want
