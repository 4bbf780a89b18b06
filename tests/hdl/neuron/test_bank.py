"""Neurons side by side: each lane equal to the integer neuron, by its own membrane."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import Ranges, membrane_range
from spikeloom.hdl.frame.counting import widen
from spikeloom.hdl.neuron.bank import NeuronBank
from spikeloom.hdl.neuron.format import NeuronFormat
from spikeloom.hdl.neuron.lane import saturating

LANES, STEPS, DRIVE = 3, 4, (-20, 30)
HALF = NeuronSpec("lif", 1, 0, 8, "hard")
SPECS = [HALF, NeuronSpec("lif", 2, 2, 37, "soft"), NeuronSpec("if", 0, 0, 13, "hard")]


def make_format(spec, thresholds=(), apart=False):
    span = Ranges((0, 5), DRIVE, membrane_range(spec, DRIVE, STEPS), None)
    if thresholds:
        own = [replace(spec, threshold=threshold) for threshold in thresholds]
        heads = tuple((one.threshold, membrane_range(one, DRIVE, STEPS)) for one in own)
        low, high = zip(*(span for _, span in heads), strict=True)
        span = replace(span, membrane=(min(low), max(high)), heads=heads)
    return NeuronFormat(spec, span, False, apart)


class Step(wiring.Component):
    """A step of all lanes: what was kept, drives -> spikes, what is to be kept."""

    def __init__(self, fmt, *, cells=False, keeps=True):
        self._fmt, self._cells, self._keeps = fmt, cells, keeps
        self.bits = NeuronBank(Module(), fmt, LANES, cells=cells).bits
        super().__init__(
            {
                "words": In(LANES * self.bits),
                "first": In(1),
                "head": In(range(max(2, len(fmt.offsets)))),
                "drives": In(range(DRIVE[0], DRIVE[1] + 1)).array(LANES),
                "spikes": Out(LANES),
                "kept": Out(LANES * self.bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        fmt, offset = self._fmt, Const(0)
        if fmt.by_head:
            offset = Signal(fmt.offset_shape, name="offset")
            with m.Switch(self.head):
                for head, number in enumerate(fmt.offsets):
                    with m.Case(head):
                        m.d.comb += offset.eq(number)
        bank = NeuronBank(m, fmt, LANES, cells=self._cells, offset=offset)
        accs = []
        for lane in range(LANES):
            start, drive = bank.start(lane, self.words, self.first), self.drives[lane]
            if self._cells:
                accs.append(saturating(widen(start, self.bits + 1), drive[: self.bits + 1]))
                continue
            if fmt.apart:
                start = start + fmt.offset
            acc = Signal(fmt.acc_shape, name=f"acc{lane}")
            m.d.comb += acc.eq(start + (drive << fmt.spec.fraction))
            accs.append(acc)
        m.d.comb += self.spikes.eq(bank.fire(accs, self.kept if self._keeps else None))
        return m


def answers(dut, drives, head=0):
    """Spikes of each step, (steps, lanes), the kept word of a step going into the next."""
    found = []

    async def testbench(ctx):
        word = 0
        ctx.set(dut.head, head)
        for step, row in enumerate(drives.tolist()):
            ctx.set(dut.words, word)
            ctx.set(dut.first, step == 0)
            for lane, drive in enumerate(row):
                ctx.set(dut.drives[lane], drive)
            spikes = ctx.get(dut.spikes)
            found.append([spikes >> lane & 1 for lane in range(LANES)])
            word = ctx.get(dut.kept)

    sim = Simulator(dut)
    sim.add_testbench(testbench)
    sim.run()
    return np.array(found)


def expected(spec, drives):
    return np.array([spec.run(column.tolist()) for column in drives.T]).T


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_lanes_are_neurons(spec, apart):
    rng = np.random.default_rng(spec.threshold)
    seen = set()
    for _ in range(12):
        drives = rng.integers(DRIVE[0], DRIVE[1] + 1, (STEPS, LANES))
        want = expected(spec, drives)
        assert (answers(Step(make_format(spec, apart=apart)), drives) == want).all()
        seen.update(want.ravel().tolist())
    assert seen == {0, 1}


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_heads_have_thresholds_of_their_own(spec):
    thresholds = (spec.threshold, spec.threshold + 3, 1)
    fmt = make_format(spec, thresholds)
    drives = np.random.default_rng(1).integers(DRIVE[0], DRIVE[1] + 1, (STEPS, LANES))
    wanted = [expected(replace(spec, threshold=one), drives) for one in thresholds]
    assert len({want.tobytes() for want in wanted}) > 1
    for head, want in enumerate(wanted):
        assert (answers(Step(fmt), drives, head) == want).all()


def test_accumulators_of_cells():
    """Drives of up to one addend a step: their membrane lies above the lowest bit."""
    span = Ranges((0, 8), (0, 15), membrane_range(HALF, (0, 15), STEPS), 8)
    fmt = NeuronFormat(HALF, span)
    assert fmt.saturating
    assert fmt.offset == 0
    rng = np.random.default_rng(3)
    for _ in range(12):
        drives = rng.integers(0, 16, (STEPS, LANES))
        assert (answers(Step(fmt, cells=True), drives) == expected(HALF, drives)).all()


def test_nothing_is_kept_of_a_single_step():
    drives = np.array([[7, 8, 9]])
    dut = Step(make_format(HALF), keeps=False)
    assert answers(dut, drives).tolist() == [[0, 1, 1]]
