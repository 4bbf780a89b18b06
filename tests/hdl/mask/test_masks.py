"""The two forms of a mask by themselves: against neurons in rationals, beat by beat."""

import random
from fractions import Fraction

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.design.mask import MaskDesign
from spikeloom.hdl.mask.channel import ChannelMask
from spikeloom.hdl.mask.plan import MaskPlan, within
from spikeloom.hdl.mask.token import TokenMask
from spikeloom.sim.rows import evaluate

from ...benches import simulate, tick

NEURONS = {
    "or": {},
    "hard": {"threshold": 1},
    "soft": {"reset": "soft", "threshold": "5/2"},
    "tau4": {"tau": 4, "threshold": "3/4"},
    "if": {"neuron": "if", "threshold": 3},
}
SHAPES = {
    "one": {"tokens": 1, "dim": 4, "heads": 1, "steps": 2, "target": {"beat": 4}},
    "padded": {"tokens": 3, "dim": 20, "heads": 2, "steps": 3, "target": {"beat": 4}},
    "wide": {"tokens": 4, "dim": 12, "heads": 3, "steps": 2, "target": {"beat": 16}},
    "long": {"tokens": 9, "dim": 8, "heads": 1, "steps": 2, "target": {"beat": 4}},
}


def masks(design, counted, axis):
    """Fire on sums over an axis of (T, N, H, d): SpikingJelly's neurons in exact numbers."""
    sums = counted.sum(axis=axis, keepdims=True)
    fired = np.zeros(sums.shape, dtype=int)
    membrane = np.full(sums.shape[1:], Fraction(0), dtype=object)
    for t, x in enumerate(sums):
        current = np.vectorize(Fraction, otypes=[object])(x)
        h = membrane + (current if design.neuron == "if" else (current - membrane) / design.tau)
        fired[t] = (h >= design.threshold).astype(int)
        rest = h - design.threshold if design.reset == "soft" else 0
        membrane = np.where(fired[t] == 1, rest, h)
    return fired


def beats(row, beat):
    """Cut the channels of a token into beats, with anything beyond the last of them."""
    for first in range(0, len(row), beat):
        part = row[first : first + beat]
        bits = sum(int(bit) << n for n, bit in enumerate(part))
        yield bits | (1 << beat) - (1 << len(part)), bits


def schedule(design, rng, rate):
    """List the beats of an inference: (what is sent, and what passes or None)."""
    shape = (design.steps, design.tokens, design.heads, design.head_dim)
    q, k, v = ((rng.random(shape) < rate).astype(int) for _ in range(3))
    counted, axis, shown = {
        "qk-token": (q, 3, k),
        "qk-channel": (q, 1, k),
        "sdsa": (k & v, 1, q),
    }[design.attention]
    masked = shown * masks(design, counted, axis)
    listed = []
    for head in range(design.heads):
        for step in range(design.steps):
            rows = [x[step, :, head] for x in (q, k, v, shown, masked)]
            first = []
            for a, b, c, given, through in zip(*rows, strict=True):
                after = zip(beats(given, design.beat), beats(through, design.beat), strict=True)
                passing = [(sent, bits) for (sent, _), (_, bits) in after]
                if design.attention == "sdsa":
                    pairs = zip(beats(b, design.beat), beats(c, design.beat), strict=True)
                    first += [(sent, None) for pair in pairs for sent, _ in pair]
                else:
                    first += [(sent, None) for sent, _ in beats(a, design.beat)]
                if design.attention == "qk-token":
                    first += passing
            listed += first
            if design.attention != "qk-token":
                for given, through in zip(rows[3], rows[4], strict=True):
                    after = zip(beats(given, design.beat), beats(through, design.beat), strict=True)
                    listed += [(sent, bits) for (sent, _), (_, bits) in after]
    return listed


@pytest.mark.parametrize("rests", [0.0, 0.5])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("attention", ["qk-token", "qk-channel", "sdsa"])
def test_what_passes(attention, neuron, shape, rests):
    design = MaskDesign.from_dict({"attention": attention, **SHAPES[shape], **NEURONS[neuron]})
    dut = (TokenMask if attention == "qk-token" else ChannelMask)(design)
    draw, rng = random.Random(1), np.random.default_rng(2)
    seen = []

    async def bench(ctx):
        for rate in (0.5, 0.9, 0.2):
            listed = schedule(design, rng, rate)
            for number, (sent, passes) in enumerate(listed):
                ctx.set(dut.data, sent)
                ctx.set(dut.en, 0)
                while not ctx.get(dut.ready) or draw.random() < rests:
                    await ctx.tick()
                ctx.set(dut.en, 1)
                now = await tick(ctx, dut, "passes bits last")
                assert now.passes == (passes is not None), number
                assert now.last == (number == len(listed) - 1), number
                if passes is not None:
                    assert now.bits & sent == passes, number
                    seen.append(passes)

    simulate(dut, bench)
    # One spike alone is not always enough.
    assert any(seen) or shape == "one"


class Within(wiring.Component):
    def __init__(self, plan):
        self._plan = plan
        super().__init__({"end": In(1), "o": Out(plan.lanes)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(within(self._plan, self.end))
        return m


@pytest.mark.parametrize(("dim", "beat"), [(1, 1), (4, 4), (5, 4), (3, 8), (12, 8), (17, 16)])
def test_lanes_that_are_channels(dim, beat):
    design = MaskDesign.from_dict(
        {"tokens": 1, "dim": dim, "heads": 1, "steps": 1, "target": {"beat": beat}}
        | {"attention": "qk-token"}
    )
    last = dim - (dim - 1) // beat * beat
    whole = min(beat, dim)
    answers = evaluate(Within(MaskPlan(design)), [{"end": 0}, {"end": 1}])
    assert answers == [(1 << whole) - 1, (1 << last) - 1]
