import itertools
from fractions import Fraction

import numpy as np
import pytest
from amaranth.sim import Simulator

from spikeloom.design import Design
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import Ranges, membrane_range, ranges
from spikeloom.hdl.neuron.format import NeuronFormat
from spikeloom.hdl.neuron.pieces import NeuronAdd, NeuronFire, NeuronPreset
from spikeloom.hdl.neuron.stream import Neuron
from spikeloom.sim.pysim import add_clock
from spikeloom.sim.rows import evaluate

SPECS = [
    NeuronSpec("lif", 1, 0, 8, "hard"),
    NeuronSpec("lif", 1, 0, 7, "hard"),
    NeuronSpec("lif", 1, 0, 1, "hard"),
    NeuronSpec("lif", 1, 3, 61, "hard"),
    NeuronSpec("lif", 1, 3, 3, "hard"),
    NeuronSpec("lif", 2, 2, 37, "hard"),
    NeuronSpec("lif", 3, 3, 64, "hard"),
    NeuronSpec("if", 0, 0, 13, "hard"),
    NeuronSpec("if", 0, 0, 16, "hard"),
    NeuronSpec("lif", 1, 0, 8, "soft"),
    NeuronSpec("lif", 1, 1, 11, "soft"),
    NeuronSpec("lif", 2, 2, 37, "soft"),
    NeuronSpec("if", 0, 0, 13, "soft"),
    NeuronSpec("lif", 0, 0, 6, "hard", odd=3, keep=1),
    NeuronSpec("lif", 0, 1, 7, "soft", odd=3, keep=1),
    NeuronSpec("lif", 0, 0, 7, "hard", odd=3, keep=1, up=True),
    NeuronSpec("lif", 0, 0, 7, "soft", odd=3, keep=1, up=True),
    NeuronSpec("lif", 1, 3, 70, "hard", odd=5, keep=9),
    NeuronSpec("lif", 1, 3, 60, "soft", odd=5, keep=9),
    NeuronSpec("lif", 2, 0, 9, "hard", keep=1),
    NeuronSpec("lif", 2, 0, 9, "soft", keep=1, up=True),
    NeuronSpec("lif", 1, 0, 9, "hard", up=True),
    NeuronSpec("if", 0, 0, 14, "soft", up=True),
]
SCORES = [(0, 5), (-4, 4)]
STEPS = 4
TOKENS = 6


def make_ranges(spec, score):
    drive = (TOKENS * score[0], TOKENS * score[1])
    saturate = spec.saturate if score[0] >= 0 else None
    return Ranges(score, drive, membrane_range(spec, drive, STEPS), saturate)


def forms(spec, span):
    return [False] if span.saturate is None else [False, True]


CASES = [
    (spec, span, saturating)
    for spec in SPECS
    for score in SCORES
    for span in [make_ranges(spec, score)]
    for saturating in forms(spec, span)
]


def name(value):
    if isinstance(value, NeuronSpec):
        leak = f"{value.kind}{value.keep}/{value.divisor}"
        return f"{leak}.{value.fraction}-{value.threshold}-{value.reset}{'-up' * value.up}"
    return f"from{value.score[0]}" if isinstance(value, Ranges) else str(value)


def chain(spec, span, saturating, tokens):
    """Membrane word, first, scores and enables -> spike and membrane word."""
    from amaranth.hdl import Module
    from amaranth.lib import wiring
    from amaranth.lib.wiring import In, Out

    fmt = NeuronFormat(spec, span, saturating)

    class Chain(wiring.Component):
        def __init__(self):
            super().__init__(
                {
                    "membrane": In(fmt.membrane_shape),
                    "first": In(1),
                    "scores": In(fmt.addend_shape).array(tokens),
                    "en": In(tokens),
                    "spike": Out(1),
                    "after": Out(fmt.membrane_shape),
                }
            )

        def elaborate(self, platform):
            m = Module()
            m.submodules.preset = preset = NeuronPreset(fmt)
            m.submodules.fire = fire = NeuronFire(fmt)
            m.d.comb += [preset.membrane.eq(self.membrane), preset.first.eq(self.first)]
            acc = preset.acc
            for token in range(tokens):
                m.submodules[f"add{token}"] = add = NeuronAdd(fmt)
                m.d.comb += [add.acc.eq(acc), add.en.eq(self.en[token])]
                m.d.comb += add.score.eq(self.scores[token])
                acc = add.o
            m.d.comb += [
                fire.acc.eq(acc),
                self.spike.eq(fire.spike),
                self.after.eq(fire.membrane),
            ]
            return m

    return Chain()


@pytest.mark.parametrize(("spec", "span", "saturating"), CASES, ids=name)
def test_a_lane_equals_golden(spec, span, saturating):
    rng = np.random.default_rng(spec.threshold)
    dut = chain(spec, span, saturating, TOKENS)
    low, high = span.score
    top = min(high, span.saturate) if saturating else high
    seen = set()

    async def testbench(ctx):
        for trial in range(60):
            word = int(rng.integers(1 << len(dut.membrane))) if len(dut.membrane) else 0
            drives, spikes = [], []
            for step in range(STEPS):
                rate = rng.choice([0.1, 0.5, 1.0])
                scores = [int(score) for score in rng.integers(low, high + 1, TOKENS)]
                if trial == 0:
                    scores = [high] * TOKENS
                if trial == 1:
                    scores = [low] * TOKENS
                en = [int(rng.random() < rate) for _ in range(TOKENS)]
                drives.append(sum(score * bit for score, bit in zip(scores, en, strict=True)))
                ctx.set(dut.membrane, word)
                ctx.set(dut.first, step == 0)
                ctx.set(dut.en, sum(bit << n for n, bit in enumerate(en)))
                for n, score in enumerate(scores):
                    ctx.set(dut.scores[n], min(score, top))
                spikes.append(ctx.get(dut.spike))
                word = ctx.get(dut.after)
            assert spikes == spec.run(drives).tolist(), drives
            seen.update(spikes)

    sim = Simulator(dut)
    sim.add_testbench(testbench)
    sim.run()
    assert 1 in seen


@pytest.mark.parametrize("apart", [False, True], ids=["whole", "apart"])
@pytest.mark.parametrize(("spec", "span", "saturating"), CASES, ids=name)
def test_every_membrane_and_drive_in_one_step(spec, span, saturating, apart):
    """From every reachable membrane word, one whole drive instead of its scores."""
    fmt = NeuronFormat(spec, span, saturating, apart)
    preset = NeuronPreset(fmt)
    fire = NeuronFire(fmt)
    low, high = span.membrane
    membranes = range(low, high + 1)
    words = [w + fmt.offset if fmt.stores_start else w for w in membranes]
    assert all(word in range_of(fmt.membrane_shape) for word in words)
    starts = evaluate(preset, [{"membrane": word, "first": 0} for word in words])
    assert starts == [spec.keep * w + (0 if apart else fmt.offset) for w in membranes]

    rows, answers = [], []
    for (w, start), drive in itertools.product(
        zip(membranes, starts, strict=True), range(span.drive[0], span.drive[1] + 1)
    ):
        acc = start + (fmt.offset if apart else 0) + (drive << spec.fraction)
        spike, after = spec.step(w, drive)
        if not low <= after <= high:
            continue  # a membrane and a drive that do not meet
        if saturating:
            acc |= (acc >= 1 << fmt.bits) << fmt.bits
            acc &= (2 << fmt.bits) - 1
        rows.append({"acc": acc})
        word = after + fmt.offset if fmt.stores_start else after
        answers.append({"spike": spike, "membrane": word})
    assert evaluate(fire, rows) == (
        answers if len(fire.membrane) else [{**a, "membrane": 0} for a in answers]
    )


def range_of(shape):
    from amaranth.hdl import Shape

    shape = Shape.cast(shape)
    half = 1 << shape.width - 1 if shape.signed else 0
    return range(-half, half) if shape.signed else range(1 << shape.width)


def test_the_first_step_ignores_the_memory():
    spec = NeuronSpec("lif", 1, 0, 8, "hard")
    span = make_ranges(spec, (0, 5))
    fmt = NeuronFormat(spec, span)
    preset = NeuronPreset(fmt)
    rows = [{"membrane": word, "first": 1} for word in range(1 << len(preset.membrane))]
    assert set(evaluate(preset, rows)) == {fmt.offset}


def test_spiking_self_attention_takes_four_bits_and_two():
    design = Design.from_dict({"tokens": 32, "dim": 64, "heads": 4, "steps": 4})
    fmt = NeuronFormat(NeuronSpec.from_design(design), ranges(design))
    assert fmt.saturating
    assert (fmt.acc_shape.width, fmt.membrane_shape.width, fmt.addend_shape.width) == (4, 2, 4)
    assert fmt.offset == 0


def test_refuses_to_saturate_what_must_not():
    spec = NeuronSpec("lif", 1, 0, 8, "soft")
    message = r"^Saturating must be False for a drive that must not be clipped$"
    with pytest.raises(ValueError, match=message):
        NeuronFormat(spec, make_ranges(spec, (0, 5)), True)


DESIGNS = [
    {},
    {"neuron": "if", "threshold": "1/3"},
    {"reset": "soft", "similarity": "hamming"},
    {"scale": 0.1, "similarity": "xnor"},
    {"tau": 4, "similarity": "alpha-xnor", "alpha": 0.375, "decay_input": False},
    {"steps": 1},
    {"scale": ["1/8", "1/3"]},
    {"scale": ["1/8", "1/32"], "reset": "soft", "similarity": "hamming"},
    {"tau": 1.5},
    {"decay": 0.9, "fires": "above", "similarity": "hamming"},
    {"decay": "1/4", "scale": ["1/8", "1/3"], "fires": "above"},
    {"decay": "2/3", "scale": ["1/8", "1/32"], "reset": "soft", "similarity": "hamming"},
]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("options", DESIGNS, ids=str)
def test_stream(options, channels):
    design = Design.from_dict({"tokens": 6, "dim": 8, "heads": 2, "steps": 3, **options})
    head = channels % 2
    dut = Neuron(design, channels=channels, head=head)
    assert dut.head == head
    rng = np.random.default_rng(channels)
    low, high = ranges(design).drive
    threshold = int(design.thresholds_exact[head])
    sequences = 40
    shape = (sequences, design.steps, channels)
    drives = rng.integers(low, high + 1, shape)
    near = rng.integers(max(low, -2 * threshold), min(high, 2 * threshold) + 1, shape)
    drives = np.where(rng.random(shape) < 0.7, near, drives)
    drives[0], drives[1] = high, low
    spec = NeuronSpec.from_design(design, head)
    expected = np.stack([spec.run(rows) for rows in drives]).reshape(-1, channels)
    got = []

    async def producer(ctx):
        for row in drives.reshape(-1, channels):
            while rng.random() < 0.3:
                await ctx.tick()
            ctx.set(dut.i.payload, [int(x) for x in row])
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)

    async def consumer(ctx):
        for _ in range(len(expected)):
            while rng.random() < 0.3:
                await ctx.tick()
            ctx.set(dut.o.ready, 1)
            (payload,) = await ctx.tick().sample(dut.o.payload).until(dut.o.valid)
            ctx.set(dut.o.ready, 0)
            got.append(payload)

    sim = Simulator(dut)
    add_clock(sim)
    sim.add_testbench(producer)
    sim.add_testbench(consumer)
    sim.run()
    assert got == [sum(int(s) << n for n, s in enumerate(row)) for row in expected]


def test_stream_latency_and_throughput():
    design = Design.from_dict({"tokens": 6, "dim": 8, "heads": 2, "steps": 3})
    dut = Neuron(design)
    drives = [5, 6, 1, 9, 0, 8]
    spec = NeuronSpec.from_design(design)
    expected = [*spec.run(drives[:3]), *spec.run(drives[3:])]

    async def testbench(ctx):
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.valid, 1)
        for cycle in range(len(drives) + dut.latency):
            ctx.set(dut.i.payload, [drives[min(cycle, len(drives) - 1)]])
            assert ctx.get(dut.i.ready)
            assert ctx.get(dut.o.valid) == (cycle >= dut.latency)
            if cycle >= dut.latency:
                assert ctx.get(dut.o.payload) == expected[cycle - dut.latency]
            await ctx.tick()

    sim = Simulator(dut)
    add_clock(sim)
    sim.add_testbench(testbench)
    sim.run()


def test_stream_refuses():
    design = Design.from_dict({"tokens": 6, "dim": 8, "heads": 2, "steps": 3})
    with pytest.raises(ValueError, match=r"^Neuron must be lif or if, not 'none'$"):
        Neuron(design.model_copy(update={"neuron": "none"}))
    with pytest.raises(TypeError, match=r"^Channels must be a positive integer, not 0$"):
        Neuron(design, channels=0)
    with pytest.raises(TypeError, match=r"^Head must be an integer from 0 to 1, not 2$"):
        Neuron(design, head=2)


def test_floor_form_has_the_spikes_of_the_real_neuron():
    """The oracle outside both: exact rationals, as SpikingJelly defines the neuron."""
    design = Design.from_dict({"tokens": 6, "dim": 8, "heads": 2, "steps": 5, "scale": 0.1})
    spec = NeuronSpec.from_design(design)
    span = ranges(design)
    dut = chain(spec, span, True, 1)
    rng = np.random.default_rng(0)

    async def testbench(ctx):
        for _ in range(200):
            v, word = Fraction(0), 0
            for step in range(design.steps):
                drive = int(rng.integers(0, 2 * span.saturate))
                h = v + (design.scale * drive - v) / 2
                spike = int(h >= design.threshold)
                v = Fraction(0) if spike else h
                ctx.set(dut.membrane, word)
                ctx.set(dut.first, step == 0)
                ctx.set(dut.en, 1)
                top = min(drive, span.saturate)
                ctx.set(dut.scores[0], top)
                if drive <= span.clipped_score[1]:
                    assert ctx.get(dut.spike) == spike, (step, drive)
                word = ctx.get(dut.after)

    sim = Simulator(dut)
    sim.add_testbench(testbench)
    sim.run()
