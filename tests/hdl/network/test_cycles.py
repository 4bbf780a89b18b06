"""The cycles of a network that are predicted are those that it takes."""

import pytest

from spikeloom.hdl.kinds import asked
from spikeloom.hdl.network.cycles import network_cycles
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
