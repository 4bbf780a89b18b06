"""Imported models through RTL: a forecast, and pictures with spikes and with membranes added."""

import numpy as np
import pytest

from spikeloom.design.network.design import NetworkDesign
from spikeloom.sim.simulate import simulate

from .cases import CASES, differing, draw, layers_of
from .opened import convert, expected


@pytest.mark.parametrize(
    ("name", "bits"), [("seqsnn", 8), ("spikformer-cifar", 8), ("spikingformer-cifar", 8)]
)
def test_rtl_is_golden_and_golden_is_pytorch(name, bits):
    sample, layers = expected(name, "any")
    imported = convert(name, bits=bits)
    assert differing(layers_of(imported, sample), layers) == []
    (part,) = imported.parts
    design = NetworkDesign.from_dict({**part.design, "weights": part.weights})
    inputs = [part.host.run(one).astype(np.int64) for one in (sample, draw(CASES[name], 7))]
    answer = simulate(design, {"x": np.stack(inputs)})
    golden = simulate(design, {"x": np.stack(inputs)}, target="golden")
    assert answer.values.tolist() == golden.values.tolist()
    assert len({tuple(row) for row in golden.values.tolist()}) == 2
