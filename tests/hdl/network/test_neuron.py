"""Neurons that are unrolled over the steps, against golden's, channel after channel."""

import random
from dataclasses import replace

import numpy as np
import pytest

from spikeloom.golden.network.formula import lif
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.hdl.network.neuron import StepNeurons
from spikeloom.hdl.network.program.widths import Widths

from ...benches import simulate

WIDE = Widths(total=7, drive=12, membrane=13, bias=9, threshold=10, logit=8)


def draw(generator, steps, fraction):
    """Draw the sums of all steps, bias and threshold of a channel; ends and what fits them."""
    whole = generator.random() < 0.3
    unit = 1 << fraction if whole else 1
    sums = [generator.choice([-64, 63, generator.randrange(-64, 64)]) for _ in range(steps)]
    bias = generator.randrange(-(200 // unit), 200 // unit + 1) * unit
    threshold = generator.randrange(1, 1000 // unit) * unit
    return sums, bias, threshold, whole


@pytest.mark.parametrize("fraction", [0, 1, 4])
@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_channels_in_every_cycle(steps, fraction):
    dut, generator = StepNeurons(steps, fraction, WIDE), random.Random(steps)
    given = [draw(generator, steps, fraction) for _ in range(300)]
    found = []

    async def bench(ctx):
        for sums, bias, threshold, whole in [*given, *given[: dut.latency]]:
            for t, value in enumerate(sums):
                ctx.set(getattr(dut, f"sum{t}"), value)
            ctx.set(dut.bias, bias)
            ctx.set(dut.threshold, threshold)
            ctx.set(dut.whole, whole)
            *_, spikes = await ctx.tick().sample(dut.spikes)
            found.append([spikes >> t & 1 for t in range(steps)])

    simulate(dut, bench)
    for (sums, bias, threshold, whole), spikes in zip(given, found[dut.latency :], strict=True):
        # A channel without fraction has numbers of its own, which are so many times as great.
        unit = 1 << fraction if whole else 1
        drive = np.array([((value << fraction) + bias) // unit for value in sums])
        want = lif(drive.reshape(-1, 1, 1), np.array([threshold // unit]))
        assert spikes == want.ravel().tolist()


@pytest.mark.parametrize(
    "unit",
    [
        NeuronSpec("if", 0, 0, 1, "hard"),
        NeuronSpec("if", 0, 0, 1, "soft"),
        NeuronSpec("lif", 1, 0, 1, "soft"),
        NeuronSpec("lif", 2, 0, 2, "hard", keep=1, up=True),
        NeuronSpec("lif", 1, 0, 2, "soft", keep=1, up=True),
    ],
)
def test_other_neurons(unit):
    """Whole drives keep nothing from step to step."""
    wide = Widths(total=7, drive=12, membrane=16, bias=9, threshold=10, logit=8)
    dut, generator = StepNeurons(3, 2, wide, unit=unit), random.Random(7)
    given = [draw(generator, 3, 2) for _ in range(200)]
    found = []

    async def bench(ctx):
        for sums, bias, threshold, whole in [*given, *given[: dut.latency]]:
            for t, value in enumerate(sums):
                ctx.set(getattr(dut, f"sum{t}"), value)
            ctx.set(dut.bias, bias)
            ctx.set(dut.threshold, threshold)
            ctx.set(dut.whole, whole)
            *_, spikes = await ctx.tick().sample(dut.spikes)
            found.append([spikes >> t & 1 for t in range(3)])

    simulate(dut, bench)
    for (sums, bias, threshold, whole), spikes in zip(given, found[dut.latency :], strict=True):
        drives = [(value << 2) + bias for value in sums]
        fires = replace(unit, threshold=threshold)
        alone = [int(drive >= threshold) for drive in drives]
        assert spikes == (alone if whole else fires.run(drives).tolist())


@pytest.mark.parametrize("steps", [1, 3])
def test_steady_parameters_are_looked_at_until_the_spikes_are_there(steps):
    """Rows of a channel whose parameters stay, as those of the next wait for them."""
    dut, generator = StepNeurons(steps, 2, WIDE, steady=True), random.Random(1)
    found, want = [], []

    async def bench(ctx):
        for _ in range(20):
            _, bias, threshold, _ = draw(generator, steps, 2)
            ctx.set(dut.bias, bias)
            ctx.set(dut.threshold, threshold)
            rows = [[generator.randrange(-64, 64) for _ in range(steps)] for _ in range(5)]
            for n in range(5 + dut.latency):
                for t, value in enumerate(rows[min(n, 4)]):
                    ctx.set(getattr(dut, f"sum{t}"), value)
                *_, spikes = await ctx.tick().sample(dut.spikes)
                if n >= dut.latency:
                    found.append([spikes >> t & 1 for t in range(steps)])
            for row in rows:
                drive = np.array([(value << 2) + bias for value in row])
                want.append(lif(drive.reshape(-1, 1, 1), np.array([threshold])).ravel().tolist())

    simulate(dut, bench)
    assert found == want
