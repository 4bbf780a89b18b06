import random

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from spikeloom import flow
from spikeloom.boards.devices import DoesNotFitError
from spikeloom.design import Design, DesignError
from spikeloom.golden.serial import join, split
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.serial import Narrower, Widener
from spikeloom.sim.pysim import add_clock
from spikeloom.sim.simulate import simulate
from spikeloom.sim.spikes import draw_spikes

SIZES = [(2, 1), (8, 1), (8, 4), (32, 8), (64, 32)]
TINY = {"tokens": 5, "dim": 12, "heads": 2, "steps": 2, "scale": 1}


@given(st.sampled_from(SIZES), st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=9))
def test_join_is_the_inverse_of_split(size, numbers):
    beat, link = size
    beats = np.array([n % (1 << beat) for n in numbers], dtype=np.uint64)
    words = split(beats, beat, link)
    assert words.shape == (len(beats) * beat // link,)
    assert (words < 1 << link).all()
    value = sum(int(word) << link * n for n, word in enumerate(words))
    assert value == sum(int(b) << beat * n for n, b in enumerate(beats))
    assert (join(words, beat, link) == beats).all()


class Both(wiring.Component):
    """A widener and a narrower: words in, the same words out."""

    def __init__(self, beat, link):
        self.converters = Widener(beat, link), Narrower(beat, link)
        super().__init__({"i": In(beat_stream(link)), "o": Out(beat_stream(link))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.widener, m.submodules.narrower = widener, narrower = self.converters
        connect(m, flipped(self.i), widener.i)
        connect(m, widener.o, narrower.i)
        connect(m, narrower.o, flipped(self.o))
        return m


def send(dut, words, stalls, seed):
    """Send words; give those that come out, the cycle of each, and faults of the stream."""
    draw = random.Random(seed)
    found, cycles, faults = [], [], []

    async def testbench(ctx):
        left = list(words)
        held = None
        offers = False
        for cycle in range(20 * len(words) + 100):
            offers = bool(left) and (offers or draw.random() >= stalls)
            takes = draw.random() >= stalls
            ctx.set(dut.i.valid, offers)
            ctx.set(dut.i.payload.data, left[0] if offers else 0)
            ctx.set(dut.o.ready, takes)
            valid, data = ctx.get(dut.o.valid), ctx.get(dut.o.payload.data)
            if held is not None and (not valid or data != held):
                faults.append(cycle)
            held = data if valid and not takes else None
            if valid and takes:
                found.append(data)
                cycles.append(cycle)
            if offers and ctx.get(dut.i.ready):
                left.pop(0)
                offers = False
            await ctx.tick()

    sim = Simulator(dut)
    add_clock(sim)
    sim.add_testbench(testbench)
    sim.run()
    return found, cycles, faults


@pytest.mark.parametrize(("beat", "link"), SIZES)
@pytest.mark.parametrize("stalls", [0.0, 0.5])
def test_words_go_through(beat, link, stalls):
    words = [random.Random(n).randrange(1 << link) for n in range(12 * (beat // link))]
    found, cycles, faults = send(Both(beat, link), words, stalls, seed=beat)
    assert found == words
    assert not faults
    if not stalls:
        # One a cycle, from one cycle after the first beat is whole and one more on.
        first = beat // link + 1
        assert cycles == list(range(first, first + len(words)))


@pytest.mark.parametrize("kind", [Widener, Narrower])
def test_bad_sizes(kind):
    for beat, link in ((8, 8), (8, 3), (8, 0), (8, 16)):
        with pytest.raises(ValueError, match="Link must divide"):
            kind(beat, link)
    with pytest.raises(TypeError, match="Beat must be"):
        kind(1, 1)


@pytest.mark.parametrize("target", ["rtl", "netlist"])
def test_layer_behind_few_pins(target):
    design = Design.from_dict({**TINY, "target": {"beat": 32, "link": 8}})
    spikes = draw_spikes(design, rate=0.5, seed=3)
    answer = simulate(design, spikes, target=target, stalls=0.4)
    assert answer.values.any()
    assert (answer.values == simulate(design, spikes, target="golden").values).all()


def test_tlast_ends_the_last_word(event_simulator):
    # The bench of the event simulators looks at every tlast.
    design = Design.from_dict({**TINY, "target": {"beat": 8, "link": 2}})
    spikes = draw_spikes(design, rate=0.5, seed=3)
    simulate(design, spikes, simulator=event_simulator, stalls=0.2)


def test_pins(tmp_path, monkeypatch):
    wide = Design.from_dict({**TINY, "target": {"beat": 32}})
    with pytest.raises(DoesNotFitError, match="needs 73 I/O pins and 39 are available"):
        flow.build(wide, tmp_path / "out")
    narrow = Design.from_dict({**TINY, "target": {"beat": 32, "link": 8}})
    report = flow.build(narrow, tmp_path / "out", seeds=[1])
    (remark,) = [line for line in report.warnings if line.startswith("target.link: ")]
    # A cell a bit that is used (a head has 12 channels), two counters and their hand-shakes.
    assert 44 <= int(remark.split()[1]) <= 76


def test_link_must_be_less_than_the_beat():
    with pytest.raises(DesignError, match=r"^target\.link: 8: must be less than the beat \(8\)$"):
        Design.from_dict({**TINY, "target": {"beat": 8, "link": 8}})
