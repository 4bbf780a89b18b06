"""The order of work in a state-space layer: cycle by cycle, against a list of what is due."""

import random

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.hdl.state_space.layer import StateSpaceLayer
from spikeloom.hdl.state_space.plan import StateSpacePlan
from spikeloom.hdl.state_space.sequencer import StateSpaceSequencer

from ...benches import LIMIT, sender, simulate, tick

NAMES = (
    "busy fall fresh final place source channel valid first plane sign double round store add ends"
)


def make(state, dim, steps, **keys):
    rng = np.random.default_rng(0)
    matrices = {
        "A": rng.uniform(0.9, 1, state),
        "B": rng.normal(size=(state, dim)) * 0.5,
        "C": rng.normal(size=(dim, state)) * 0.3,
    }
    shape = {"kind": "state-space", "steps": steps, "dim": dim, "state": state}
    return Design.from_dict({**shape, "matrices": matrices, **keys})


def decay_of(design, cycles, planes):
    for place in range(design.state):
        for n in range(cycles):
            due = {"fall": 1, "place": place, "store": int(n == cycles - 1)}
            if planes:
                due |= {"valid": int(n < planes), "first": int(n == 0), "sign": int(n == 0)}
                due |= {"double": int(0 < n < planes), "round": int(n == planes)}
                if n < planes:
                    due["plane"] = planes - 1 - n
            else:
                due |= {"valid": 1, "first": 1}
            yield due


def scan_of(design, bits, places):
    """A cycle to look at each bit, and for one that is set a pass and another look."""
    for source, bit in enumerate(bits):
        if bit:
            yield {"add": 0}
            for place in range(places):
                yield {"add": int(place < design.state), "source": source, "place": place}
        yield {"add": 0, "source": source}


def read_of(design, places, planes):
    for channel in range(design.dim):
        if not planes:
            for place in range(places):
                due = {"valid": int(place < design.state), "first": int(place == 0)}
                yield {**due, "place": place, "channel": channel, "ends": int(place == places - 1)}
            continue
        for plane in reversed(range(design.c_bits)):
            top = plane == design.c_bits - 1
            for place in range(places):
                due = {"valid": int(place < design.state), "first": int(place == 0 and top)}
                due |= {"sign": int(top), "double": int(place == 0 and not top), "plane": plane}
                yield {**due, "place": place, "channel": channel, "ends": 0, "round": 0}
        yield {"valid": 0, "first": 0, "double": 0, "round": 1, "ends": 1, "channel": channel}


def counts_of(design):
    """Count the cycles of a pass, of a decay, the planes of A, and the cycles behind a row."""
    memories = {shape.name: shape.width for shape in StateSpaceLayer(design).memories}
    # With shift-add a bit of the coefficients of A is taken in a cycle.
    serial = design.multiplier == "shift-add"
    planes = memories["a"] if serial else 0
    latency = 3 if serial else 5 if memories["h"] > 16 else 4
    return max(design.state, 12), latency + 4 + planes, planes, latency + 5


def run(design, beats, cycles, *, stalls):
    dut = StateSpaceSequencer(StateSpacePlan(design))
    draw, found = random.Random(1), []

    async def bench(ctx):
        for _ in range(LIMIT):
            ready = draw.random() >= stalls
            ctx.set(dut.ready, ready)
            now = await tick(ctx, dut, NAMES)
            if now.busy:
                found.append(vars(now))
            else:
                # Nothing happens in a cycle that does not count.
                assert (now.store, now.add, now.ends, now.fall) == (0, 0, 0, 0)
            if len(found) == cycles:
                return
        raise AssertionError("the sequencer is stuck")

    simulate(dut, bench, sender(dut.i, beats, stalls=stalls, seed=2))
    return found


@pytest.mark.parametrize("stalls", [0.0, 0.5])
@pytest.mark.parametrize("form", ["dsp", "shift-add"])
@pytest.mark.parametrize(
    ("state", "dim", "bits", "beat"),
    [(1, 1, 1, 1), (1, 2, 1, 8), (3, 5, 2, 4), (13, 3, 1, 1), (4, 3, 4, 4), (5, 4, 1, 2)],
)
def test_cycle_by_cycle(state, dim, bits, beat, form, stalls):
    design = make(state, dim, 2, input_bits=bits, target={"beat": beat}, multiplier=form)
    places, decay, planes, tail = counts_of(design)
    rng = np.random.default_rng(dim)
    tokens = [(rng.random(dim * bits) < rate).astype(int).tolist() for rate in (0.6, 0.0, 1.0)]
    beats, due = [], []
    for number, token in enumerate(tokens):
        for first in range(0, len(token), beat):
            part = token[first : first + beat]
            beats.append(sum(bit << n for n, bit in enumerate(part)))
        steps = [*decay_of(design, decay, planes), *scan_of(design, token, places)]
        steps += [*read_of(design, places, planes), *[{"ends": 0, "add": 0, "store": 0}] * tail]
        flags = {"fresh": int(number % 2 == 0), "final": int(number % 2 == 1)}
        due += [{"fall": 0, "store": 0, "add": 0, "ends": 0, **flags, **step} for step in steps]
    found = run(design, beats, len(due), stalls=stalls)
    for cycle, (now, want) in enumerate(zip(found, due, strict=True)):
        assert {name: now[name] for name in want} == want, cycle


@pytest.mark.parametrize("form", ["dsp", "shift-add"])
@pytest.mark.parametrize(("state", "dim", "bits"), [(1, 1, 1), (5, 4, 2), (20, 3, 1)])
def test_a_layer_predicts_the_cycles_of_such_a_list(form, state, dim, bits):
    design = make(state, dim, 2, input_bits=bits, multiplier=form)
    x = np.random.default_rng(1).integers(0, 1 << bits, (2, dim))
    places, decay, planes, tail = counts_of(design)
    due = 0
    for token in x:
        flags = [int(value) >> bit & 1 for value in token for bit in range(bits)]
        due += len([*decay_of(design, decay, planes), *scan_of(design, flags, places)])
        due += len([*read_of(design, places, planes)]) + tail
    assert StateSpaceLayer(design).compute_cycles({"x": x.astype(np.uint8)}) == due
