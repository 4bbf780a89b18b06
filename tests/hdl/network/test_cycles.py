"""The cycles of a network that are predicted are those that it takes."""

import numpy as np
import pytest

from spikeloom.golden.network.formula import trace
from spikeloom.hdl.kinds import asked
from spikeloom.hdl.network.cycles import network_cycles, network_stages
from spikeloom.hdl.network.plan import network_plan

from ...networks.draws import block, make
from ...networks.rtl import arrays_of, frame, send, sequences

SCORE = {"order": "score"}
STATE = {"order": "state"}
# Cycles that a prediction may be off: of all, and for each head and step.
SLACK = {"score": (2, 0), "state": (2, 5)}


@pytest.mark.parametrize(
    ("folding", "inner", "more"),
    [
        ({"lanes": 16, "tokens": 1, "planes": 1}, SCORE, {}),
        ({"lanes": 16, "tokens": 2, "planes": 2}, SCORE, {"readout": {"weight_bits": 4}}),
        ({"lanes": 32, "tokens": 2, "planes": 2}, STATE, {"steps": 3}),
        ({"lanes": 64, "tokens": 2, "planes": 2}, {**SCORE, "rows": 4, "lanes": 2}, {}),
        ({"lanes": 64, "tokens": 4, "planes": 1}, {**STATE, "lanes": 2}, {}),
    ],
)
def test_cycles_are_those_of_the_hardware(folding, inner, more):
    one = block()
    one["attention"] = {**one["attention"], "folding": inner}
    design = make(3, blocks=[one], folding={**folding, "weights": "ebr"}, **more)
    per_run = SLACK[inner["order"]]
    runs = design.steps * design.blocks[0].attention.heads
    for x in sequences(design, [1, design.tokens]):
        _, traffic = send(design, [frame(design, x)])
        found = network_cycles(network_plan(design), arrays_of(design, x))
        assert abs(found - traffic.busy) <= per_run[0] + per_run[1] * runs
        assert asked(design).compute_cycles() >= found


def test_layers_follow_each_other():
    inner = block()
    design = make(3, blocks=[inner, inner], folding={"lanes": 16, "weights": "ebr"})
    arrays = {"x": sequences(design, [design.tokens])[0], "length": np.array(design.tokens)}
    stages = network_stages(network_plan(design), arrays)
    # What computes: where a residual connection adds, nothing more is passed over.
    spikes = trace(design, arrays["x"]).spikes
    computed = [name for name in spikes if name.rpartition(".")[2] not in ("x", "out")]
    assert [name for name, _, _ in stages] == [*computed, "readout"]
    assert [begin for _, begin, _ in stages[1:]] == [end for _, _, end in stages[:-1]]
    assert all(begin < end for _, begin, end in stages)
    assert stages[-1][2] == network_cycles(network_plan(design), arrays)
    assert asked(design).stages(arrays) == stages
