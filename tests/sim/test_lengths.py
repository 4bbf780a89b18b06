"""Inferences of different length, through a design that goes by tlast."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.golden.arrays import ArraySpec
from spikeloom.sim import simulate as simulation
from spikeloom.sim import spikes as files
from spikeloom.sim.cxxrtl import CxxrtlModel
from spikeloom.sim.events import run_events
from spikeloom.sim.pysim import run_pysim
from spikeloom.sim.simulate import simulate
from spikeloom.sim.traffic import Stimulus, padded
from spikeloom.sim.verilog import to_rtlil, to_verilog

PADDING = 0x80
LENGTHS = (3, 1, 4, 2, 4)
FRAMES = np.array(
    [
        [*range(n + 1, n + length + 1), *[PADDING] * (4 - length)]
        for n, length in enumerate(LENGTHS)
    ],
    dtype=np.uint64,
)
ANSWERS = [[int(row[:n].sum()), n] for row, n in zip(FRAMES, LENGTHS, strict=True)]


class Sums(wiring.Component):
    """Gives the sum of the words up to tlast and then their number, modulo ``2**width``."""

    def __init__(self, width=8):
        self._width = width
        super().__init__(
            {
                **{"s_axis_tdata": In(width), "s_axis_tvalid": In(1), "s_axis_tready": Out(1)},
                **{"m_axis_tdata": Out(width), "m_axis_tvalid": Out(1), "m_axis_tready": In(1)},
                **{"s_axis_tlast": In(1), "m_axis_tlast": Out(1), "busy": Out(1)},
            }
        )

    def elaborate(self, platform):
        m = Module()
        total, count = Signal(self._width), Signal(self._width)
        answering, second = Signal(), Signal()
        m.d.comb += [
            self.s_axis_tready.eq(~answering),
            self.m_axis_tvalid.eq(answering),
            self.m_axis_tdata.eq(total),
            self.m_axis_tlast.eq(second),
        ]
        with m.If(self.s_axis_tready & self.s_axis_tvalid):
            m.d.sync += [total.eq(total + self.s_axis_tdata), count.eq(count + 1)]
            m.d.sync += answering.eq(self.s_axis_tlast)
        with m.Elif(answering & self.m_axis_tready):
            m.d.sync += [second.eq(~second), total.eq(count), count.eq(0)]
            with m.If(second):
                m.d.sync += [answering.eq(0), total.eq(0)]
        return m


@pytest.mark.cocotb
@pytest.mark.parametrize("stalls", [0.0, 0.5])
@pytest.mark.parametrize("backend", ["cxxrtl", "pysim", "event"])
def test_rows_end_where_they_say(backend, stalls, event_simulator):
    stimulus = Stimulus(FRAMES, 2, stalls=stalls, seed=5, patience=50, lengths=LENGTHS)
    if backend == "cxxrtl":
        traffic = CxxrtlModel(to_rtlil(Sums())).run(stimulus)
    elif backend == "pysim":
        traffic = run_pysim(Sums(), stimulus)
    else:
        traffic = run_events(to_verilog(Sums()), stimulus, simulator=event_simulator)
    assert traffic.frames.tolist() == ANSWERS
    if not stalls:
        # A word a cycle, then two to answer.
        taken = [length + 2 for length in LENGTHS]
        assert [b - a for a, b in pairwise(traffic.first_in)] == taken[:-1]
        assert [b - a for a, b in pairwise(traffic.last_out)] == taken[1:]
        assert traffic.cycles == taken[0]


@pytest.mark.parametrize("cycle", range(12))
def test_a_reset_begins_with_the_first_row(cycle):
    stimulus = Stimulus(FRAMES, 2, patience=50, lengths=LENGTHS)
    fault, traffic = CxxrtlModel(to_rtlil(Sums())).upset(stimulus, bit=None, cycle=cycle)
    assert not fault
    assert traffic.frames.tolist() == ANSWERS
    assert traffic.first_in == CxxrtlModel(to_rtlil(Sums())).run(stimulus).first_in


def test_whole_rows_are_what_is_sent_by_default():
    plain, whole = Stimulus(FRAMES, 2), Stimulus(FRAMES, 2, lengths=(4,) * 5)
    assert plain.beats.tolist() == whole.beats.tolist() == FRAMES.ravel().tolist()
    assert plain.ends.tolist() == whole.ends.tolist() == [4, 8, 12, 16, 20]
    assert plain.beats.dtype == whole.beats.dtype == plain.ends.dtype == np.uint64
    assert Stimulus(FRAMES.astype(np.uint8), 2, lengths=LENGTHS).beats.dtype == np.uint64


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ((1, 2), ValueError, "^Lengths must be 5, one a frame, not 2$"),
        ((4, 0, 4, 4, 4), ValueError, "^Lengths must be 1 to 4, not 0$"),
        ((4, 4, 4, 4, 5), ValueError, "^Lengths must be 1 to 4, not 5$"),
        ((4, 4, 2.5, 4, 4), TypeError, r"^Lengths must be integers, not 2\.5$"),
    ],
)
def test_wrong_lengths(lengths, error, message):
    with pytest.raises(error, match=message):
        Stimulus(FRAMES, 2, lengths=lengths)


def test_rows_of_one_length_need_no_lengths():
    frames, lengths = padded(list(FRAMES))
    assert frames.tolist() == FRAMES.tolist()
    assert lengths is None


class Summed:
    """A golden model of :class:`Sums`: ``x``, of which the first ``length`` words are sent."""

    beats_out = 2
    output = ArraySpec("sum", "(2)", (2,), high=255)

    def __init__(self, optional_first=False):
        self.inputs = (
            ArraySpec("x", "(N)", (4,), high=15),
            ArraySpec("length", "()", (), 1, 4, default=4),
        )
        if optional_first:
            self.inputs = self.inputs[::-1]

    def pack(self, arrays):
        x, length = (spec.check(arrays[spec.name]) for spec in sorted(self.inputs, key=_name))
        return x[: int(length)].astype(np.uint64)

    def answer(self, arrays):
        words = self.pack(arrays)
        return np.array([words.sum(), len(words)], dtype=np.uint8)

    def unpack(self, beats):
        return beats.astype(np.uint8)


def _name(spec):
    return -len(spec.shape)


class Folded(Summed):
    """The same of halves of words, since its link has half a beat."""

    def answer(self, arrays):
        words = self.pack(arrays).tolist()
        total = sum(word % 16 + word // 16 for word in words)
        return np.array([total % 16 + 16 * (2 * len(words) % 16)], dtype=np.uint8)

    beats_out = 1


@pytest.fixture
def summed(monkeypatch):
    """Take a design for one whose hardware is :class:`Sums`."""

    def take(golden, beat=8, link=8):
        for home in (simulation, files):
            monkeypatch.setattr(home, "model", lambda design: golden)
        monkeypatch.setattr(simulation, "AxiStreamTop", lambda design: Sums(link))
        monkeypatch.setattr(
            simulation, "asked", lambda design: SimpleNamespace(watchdog_cycles=9, preamble=())
        )
        return SimpleNamespace(name="sums", module="sums", beat=beat, link=link)

    return take


X = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]])


@pytest.mark.parametrize("simulator", ["cxxrtl", "pysim"])
def test_a_batch_of_different_lengths(summed, simulator):
    design = summed(Summed())
    arrays = {"x": X, "length": np.array([2, 4, 1])}
    answer = simulate(design, arrays, simulator=simulator)
    assert answer.values.tolist() == [[3, 2], [26, 4], [9, 1]]
    assert answer.values.tolist() == simulate(design, arrays, target="golden").values.tolist()
    assert answer.numbers["cycles"] == 4
    assert answer.numbers["interval"] == 3


def test_a_single_one_is_short_both_times(summed):
    answer = simulate(summed(Summed()), x=X[1], length=np.array(3))
    assert answer.values.tolist() == [18, 3]
    assert answer.numbers["interval"] == 5


def test_words_of_a_narrow_link_end_with_the_beats(summed):
    design = summed(Folded(), beat=8, link=4)
    arrays = {"x": X, "length": np.array([2, 3, 1])}
    found = simulate(design, arrays)
    assert found.values.tolist() == [[0x43], [0x62], [0x29]]
    assert found.values.tolist() == simulate(design, arrays, target="golden").values.tolist()


@pytest.mark.parametrize("first", [False, True])
def test_what_has_a_default_may_be_left_out(summed, first):
    design = summed(Summed(first))
    assert simulate(design, x=X[0]).values.tolist() == [10, 4]
    assert simulate(design, x=X).values.tolist() == [[10, 4], [26, 4], [42, 4]]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"x": X, "length": np.array(2)},
            r"^length must be .* \(inferences,\) = \(3,\), not \(\)$",
        ),
        ({"x": X, "length": np.array([2, 3])}, r"^length must be .* = \(3,\), not \(2,\)$"),
        (
            {"x": X[0], "length": np.array([2])},
            r"^x must .* \(inferences, N\) = \(1, 4\), not \(4,",
        ),
        ({"x": X[0, :3]}, r"^x must be of shape \(N\) = \(4,\), not \(3,\)$"),
        ({"x": X[0], "length": np.array(5)}, "^length must hold 1 to 4 only, not other values$"),
    ],
)
def test_arrays_that_do_not_go_together(summed, arrays, message):
    design = summed(Summed())
    for target in ("golden", "rtl"):
        with pytest.raises(ValueError, match=message):
            simulate(design, arrays, target=target)
