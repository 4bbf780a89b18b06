"""Spikes of every layer in the hardware itself, and a layer that is broken, found by its name."""

import numpy as np
import pytest

from spikeloom.golden.kinds import model
from spikeloom.hdl.network.plan import NetworkPlan

from ...networks.draws import block, draw_input, make
from ...networks.probe import find_fault, layers
from ...networks.rtl import compiled, frame, send

LAYERS = ("encoder", "query", "key", "value", "project", "expand", "contract")


@pytest.fixture(scope="module")
def design():
    return make(
        3,
        dim=8,
        encoder={"weight_bits": 8},
        blocks=[block(hidden=8), block(hidden=6, residual="iand", weight_bits=4)],
        readout={"outputs": 8, "weight_bits": 8},
        folding={"weights": "spram"},
    )


@pytest.fixture(scope="module")
def machine(design):
    return compiled(design)


def finder(design, machine):
    """Give what sends frames that load, each with a sequence behind it."""

    def sends(loads, x):
        frames = [one for load in loads for one in (load, frame(design, x))]
        answers, _ = send(design, frames, machine=machine)
        assert all(answer[0] == 1 for answer in answers)
        return [model(design).unpack(answer).tolist() for answer in answers[1::2]]

    return sends


@pytest.mark.parametrize("length", [1, 3, 5])
def test_spikes_of_every_layer(design, machine, length):
    plan = NetworkPlan(design)
    x = draw_input(design, length, length)
    fault = find_fault(design, plan, plan.program.words, x, finder(design, machine))
    assert fault is None


def broken(design, plan, at):
    """Assemble the program of the same network, in which a layer has thresholds of others."""
    name = f"{at}.threshold"
    arrays = dict(design.weights)
    # Of its own two ends: every number keeps its width.
    low, high = int(arrays[name].min()), int(arrays[name].max())
    arrays[name] = np.where(arrays[name] > (low + high) // 2, low, high)
    changed = type(design).from_dict(
        {**design.model_dump(mode="json", exclude_none=True), "weights": arrays}
    )
    made = NetworkPlan(changed)
    assert made.widths == plan.widths
    return made.program.words


@pytest.mark.parametrize(
    "at", ["encoder", *(f"blocks.{n}.{name}" for n in (0, 1) for name in LAYERS[1:])]
)
def test_broken_layer_is_named(design, machine, at):
    plan = NetworkPlan(design)
    words = broken(design, plan, at)
    assert len(words) == len(plan.program.words)
    fault = find_fault(design, plan, words, draw_input(design, 1), finder(design, machine))
    # A branch is seen where it has joined.
    seen = at.replace("project", "x").replace("contract", "out")
    assert seen in layers(design)
    assert fault == seen
