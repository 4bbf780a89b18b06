"""The engine on small integers by itself: entries and values in, the published formula out."""

from fractions import Fraction

import numpy as np
import pytest

from spikeloom.design.integer import IntegerDesign
from spikeloom.hdl.integer.engine import IntegerEngine
from spikeloom.hdl.integer.plan import IntegerPlan

from ...benches import LIMIT, masked, serve, signed, simulate, tick
from ...chunks import by_head, pack
from ...integers import entries, value_words

BASE = {"tokens": 3, "dim": 8, "heads": 2, "steps": 3, "folding": {"buffers": 2}}
LAYERS = {
    "multispike": {**BASE, "neuron": "multispike", "divisor": 3, "scale": "1/2"},
    "half-up": {**BASE, "neuron": "multispike", "divisor": 3, "rounding": "half-up", "levels": 9},
    "ties": {
        **{**BASE, "neuron": "multispike", "levels": 3, "scale": "1/2"},
        **{"q_max": 1, "k_max": 1, "v_max": 2},
    },
    "signed": {**BASE, "neuron": "multispike", "divisor": 3, "scale": "1/3", "v_bits": 4},
    "lif": {**BASE, "threshold": 1, "divisor": 2},
    "lif-soft": {**BASE, "threshold": 1, "divisor": 2, "reset": "soft", "v_bits": 4},
    "if": {**BASE, "neuron": "if", "threshold": 2, "divisor": 2},
    "none": {**BASE, "neuron": "none", "v_bits": 6, "folding": {"lanes": 2, "buffers": 2}},
    "passes": {**BASE, "value_dim": 12, "threshold": 1, "divisor": 2, "folding": {"lanes": 4}},
    "spikes": {**BASE, "q_max": 1, "k_max": 1, "v_max": 1, "threshold": 1, "scale": "1/4"},
}


def wanted(design, q, k, v):
    """The answer in exact rationals, (T, N, Dv), from integers (T, N, D) and (T, N, Dv)."""
    drive = np.concatenate(
        [
            a @ b.swapaxes(-1, -2) @ c
            for a, b, c in zip(*(by_head(x, design.heads) for x in (q, k, v)), strict=True)
        ],
        axis=-1,
    )
    if design.neuron == "none":
        return drive
    factor = Fraction(str(design.scale)) / design.divisor**3
    out = np.zeros(drive.shape, dtype=int)
    membrane = np.full(drive.shape[1:], Fraction(0), dtype=object)
    for t, numbers in enumerate(drive.tolist()):
        x = np.array([[factor * number for number in row] for row in numbers], dtype=object)
        if design.neuron == "multispike":
            half_up = design.rounding == "half-up"
            top = Fraction(design.levels)
            for place, value in np.ndenumerate(x):
                value = min(max(value, Fraction(0)), top)
                out[(t, *place)] = (value + Fraction(1, 2)) // 1 if half_up else round(value)
            continue
        h = membrane + x if design.neuron == "if" else membrane + (x - membrane) / design.tau
        out[t] = (h >= design.threshold).astype(int)
        rest = h - design.threshold if design.reset == "soft" else 0
        membrane = np.where(out[t] == 1, rest, h)
    return out


def answer(plan, q, k, v):
    design, dut = plan.design, IntegerEngine(plan)
    listed, values, outputs = {}, {}, {}
    found = np.zeros(v.shape, dtype=int)
    parts = [by_head(x, design.heads) for x in (q, k, v)]
    space = plan.memory("entries").depth // plan.in_banks
    across, along = (plan.v.words - 1).bit_length(), (plan.tokens - 1).bit_length()
    numbered = (plan.out.words - 1).bit_length()

    async def bench(ctx):
        for number in range(design.heads * design.steps):
            head, step = divmod(number, design.steps)
            bank, bank_out = number % plan.in_banks, number % plan.out_banks
            a, b, c = (x[head, step] for x in parts)
            run = [*entries(b.T, plan.per, plan.planes), *entries(a, plan.per, plan.planes)]
            listed.update(
                {bank * space + n: pack(plan.entry, entry) for n, entry in enumerate(run)}
            )
            words, _ = value_words(c, design.value_bits, plan.v.per, plan.v.slices)
            for (token, place), word in words.items():
                values[place | token << across | bank << across + along] = word
            ctx.set(dut.bank, bank)
            ctx.set(dut.bank_out, bank_out)
            ctx.set(dut.ready, 1)
            for _ in range(LIMIT):
                now = await tick(ctx, dut, "busy done written o_addr o_data o_en")
                if now.busy:
                    ctx.set(dut.ready, 0)
                old = outputs.get(now.o_addr, 0)
                width = len(dut.o_data) // len(dut.o_en)
                outputs[now.o_addr] = masked(old, now.o_data, now.o_en, width)
                assert now.written == now.done
                if now.done:
                    break
            whole = plan.out.slices * plan.out.per if plan.out.per else plan.lanes
            for token in range(plan.tokens):
                for channel in range(plan.values):
                    word, place = divmod(channel, whole)
                    at = word | token << numbered | bank_out << numbered + along
                    field = outputs[at] >> plan.out.field * place
                    field = field & (1 << plan.out.field) - 1
                    if design.neuron == "none":
                        field = signed(field, plan.out.field)
                    found[step, token, head * plan.values + channel] = field

    simulate(
        dut,
        bench,
        serve(dut.entry_addr, dut.entry, listed, en=dut.entry_en, missing=0),
        serve(dut.v_addr, dut.v_data, values, missing=(1 << len(dut.v_data)) - 1),
    )
    return found


def draw(design):
    rng = np.random.default_rng(1)
    shape = (design.steps, design.tokens, design.dim)
    q, k = (rng.integers(0, top + 1, shape) for top in (design.q_max, design.k_max))
    low, high = design.v_range
    width = design.value_head_dim * design.heads
    return q, k, rng.integers(low, high + 1, (*shape[:2], width))


@pytest.mark.parametrize("name", LAYERS)
def test_is_the_published_formula(name):
    plan = IntegerPlan(IntegerDesign.from_dict(LAYERS[name]))
    q, k, v = draw(plan.design)
    want = wanted(plan.design, q, k, v)
    assert len(np.unique(want)) > 1
    assert (answer(plan, q, k, v) == want).all()


@pytest.mark.parametrize("lanes", [2, 8])
def test_drives_add_up_over_the_steps(lanes):
    keys = {"heads": 1, "neuron": "none", "v_bits": 5, "folding": {"lanes": lanes}}
    plan = IntegerPlan(IntegerDesign.from_dict({**BASE, **keys}), accumulate=True)
    q, k, v = draw(plan.design)
    v[1:] = v[0]
    dut = IntegerEngine(plan)
    listed, values = {}, {}
    across = (plan.v.words - 1).bit_length()
    words, _ = value_words(v[0], plan.design.value_bits, plan.v.per, plan.v.slices)
    values.update({place | token << across: word for (token, place), word in words.items()})
    found = np.zeros(v[0].shape, dtype=int)

    async def bench(ctx):
        for _ in range(2):
            for step in range(plan.design.steps):
                run = [*entries(k[step].T, plan.per, plan.planes)]
                run += entries(q[step], plan.per, plan.planes)
                listed.update({n: pack(plan.entry, entry) for n, entry in enumerate(run)})
                ctx.set(dut.ready, 1)
                done = False
                while not done:
                    now = await tick(ctx, dut, "busy done written")
                    ctx.set(dut.ready, 0)
                    done = now.done
                    assert now.written == (done and step == plan.design.steps - 1)
            for token in range(plan.tokens):
                for turn in range(plan.passes):
                    ctx.set(dut.r_addr, turn | token << (plan.passes - 1).bit_length())
                    ctx.set(dut.r_en, 1)
                    await ctx.tick()
                    word = ctx.get(dut.r_data)
                    for lane in range(lanes):
                        part = signed(word >> plan.out.field * lane, plan.out.field)
                        found[token, turn * lanes + lane] = part
            ctx.set(dut.r_en, 0)
            assert (found == wanted(plan.design, q, k, v).sum(axis=0)).all()

    simulate(
        dut,
        bench,
        serve(dut.entry_addr, dut.entry, listed, en=dut.entry_en, missing=0),
        serve(dut.v_addr, dut.v_data, values, missing=0),
    )
