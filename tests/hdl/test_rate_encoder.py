"""The encoder of rates by itself: IF neurons in rationals, and in float64 where that is asked."""

from fractions import Fraction

import numpy as np
import pytest

from spikeloom.design.rate import RateDesign
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.rate import RateEncoder

from ..benches import receiver, sender, simulate
from ..chunks import cut

LAYERS = {
    "plain": {"tokens": 3, "dim": 4, "steps": 4, "rate_bits": 4, "rate_fraction": 2},
    "one": {"tokens": 1, "dim": 1, "steps": 3, "rate_bits": 3, "rate_fraction": 0},
    "long": {"tokens": 9, "dim": 5, "steps": 3, "rate_bits": 8, "rate_fraction": 5},
    "narrow": {"tokens": 5, "dim": 3, "steps": 2, "rate_bits": 4, "v_bits": 3, "threshold": 2},
    "float64": {"tokens": 3, "dim": 4, "steps": 6, "rate_bits": 6, "accumulate": "float64"},
}


def spikes(design, rates):
    """Add rate / T up step by step; a neuron that fires loses the threshold. (T, ...)."""
    exact = design.accumulate == "exact"
    made = np.zeros((design.steps, *rates.shape), dtype=int)
    for place, rate in np.ndenumerate(rates):
        step = Fraction(int(rate), 1 << design.rate_fraction) / design.steps
        threshold = design.threshold
        if not exact:
            step, threshold = (
                int(rate) / (1 << design.rate_fraction) / design.steps,
                float(threshold),
            )
        v = 0 * step
        for t in range(design.steps):
            v += step
            made[(t, *place)] = v >= threshold
            v -= threshold * bool(v >= threshold)
    return made


def values(rows, width, beat):
    """Pack rows of values: as many in a beat as the greatest power of two that fits."""
    per = 1 << (beat // width).bit_length() - 1
    beats = []
    for row in rows:
        parts = [row[first : first + per] for first in range(0, len(row), per)]
        beats += [sum(int(value) << width * n for n, value in enumerate(part)) for part in parts]
    return beats


@pytest.mark.parametrize("stalls", [0.0, 0.5])
@pytest.mark.parametrize("name", LAYERS)
def test_rates_become_spikes(name, stalls):
    beat = 4 if name == "narrow" else 8
    design = RateDesign.from_dict({**LAYERS[name], "target": {"beat": beat}})
    exact = design.accumulate == "exact"
    # The threshold in the units of a rate, which a step adds a T-th of.
    threshold = int(design.threshold * (1 << design.rate_fraction) * design.steps)
    width = design.most.bit_length() + (threshold - 1).bit_length() * exact
    words = 1 << (2 * design.tokens * design.dim - 1).bit_length()
    dut = RateEncoder(design, MemoryShape("rates", width, words))
    rng = np.random.default_rng(2)
    sent, want = [], []
    for _ in range(2):
        k, q = (
            rng.integers(0, 1 << design.rate_bits, shape)
            for shape in ((design.dim, design.tokens), (design.tokens, design.dim))
        )
        v = rng.integers(0, 1 << design.v_bits, (design.tokens, design.dim))
        through = values(v, design.v_bits, beat)
        sent += [*values(k, design.rate_bits, beat), *values(q, design.rate_bits, beat), *through]
        for t, (keys, queries) in enumerate(zip(spikes(design, k), spikes(design, q), strict=True)):
            want += [word for row in keys for word in cut(row, beat)]
            want += through if t == 0 else []
            want += [word for row in queries for word in cut(row, beat)]
    found = []
    busy = 0

    async def count(ctx):
        nonlocal busy
        async for *_, now in ctx.tick().sample(dut.busy):
            busy += now

    simulate(
        dut,
        receiver(dut.o, found, len(want), stalls=stalls),
        sender(dut.i, sent, stalls=stalls, seed=1),
        count,
    )
    assert [data for data, _ in found] == want
    if not stalls:
        assert 2 * dut.cycles - 3 <= busy <= 2 * dut.cycles
