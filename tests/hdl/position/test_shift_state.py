import random

import numpy as np
import pytest
from amaranth.lib import memory
from amaranth.sim import Simulator

from spikeloom.design import Design
from spikeloom.golden.attention.beats import counts, pack
from spikeloom.golden.position.shift import rotate, schedule
from spikeloom.hdl.position import shift_state as state_shift
from spikeloom.hdl.position.shift_state import KeyShifter, StateShifter, scatter_steps
from spikeloom.sim.pysim import add_clock

# The masks have to follow any schedule: this one turns back, stays, and goes all the way round.
WILD = "values"


def make(tokens, head_dim, groups, beat, *, heads=1, steps=1, **shift):
    if WILD in shift:
        shift[WILD] = [
            [(7 * n * (g + 1) - 3 * g) % 13 - 4 for n in range(tokens)] for g in range(groups)
        ]
    return Design.from_dict(
        {
            "name": "layer",
            "tokens": tokens,
            "dim": head_dim * heads,
            "heads": heads,
            "steps": steps,
            "similarity": "and",
            "position": "shift",
            "shift": {"groups": groups, **shift},
            "folding": {"order": "state"},
            "target": {"beat": beat},
        }
    )


def turned(design, x):
    """Rotate every head of x, (T, N, D)."""
    by_head = x.reshape(design.steps, design.tokens, design.heads, design.head_dim)
    rotated = rotate(by_head.swapaxes(1, 2), schedule(design))
    return rotated.swapaxes(1, 2).reshape(x.shape)


def inferences(design, count, seed):
    """Beats of several inferences, as they come in and as they should leave."""
    rng = np.random.default_rng(seed)
    shape = (design.steps, design.tokens, design.dim)
    before, after = [], []
    for n in range(count):
        q, k, v = ((rng.random(shape) < (0.5, 0.9, 0.2)[n % 3]).astype(np.uint8) for _ in range(3))
        before += pack(design, q, k, v).tolist()
        after += pack(design, turned(design, q), turned(design, k), v).tolist()
    return before, after


@pytest.fixture
def memories(monkeypatch):
    """Every memory that is made."""
    made = []

    class Recorded(memory.Memory):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(state_shift.memory, "Memory", Recorded)
    return made


def transfer(dut, beats, expected, *, stalls=(0.0, 0.0), seed=0, memories=()):
    """Send beats; give what comes out, and the cycles at which beats were taken and given."""
    got, taken, given, faults = [], [], [], []
    draws = random.Random(seed), random.Random(seed + 1)

    async def sender(ctx):
        for beat in beats:
            while draws[0].random() < stalls[0]:
                await ctx.tick()
            ctx.set(dut.i.payload.data, beat)
            ctx.set(dut.i.payload.last, draws[0].getrandbits(1))
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)
            # Whatever is not valid must not be looked at.
            ctx.set(dut.i.payload.data, draws[0].getrandbits(len(dut.i.payload.data)))

    async def receiver(ctx):
        cycle, held, drain, quiet = 0, None, 64, 0
        writes = [(r, w) for store in memories for r in store.read_ports for w in store.write_ports]
        looked = [s for r, w in writes for s in (r.en, w.en, r.addr, w.addr)]
        while drain:
            # Under odd seeds ready waits for valid: if valid waited for ready, nothing would move.
            offered = seed % 2 == 0 or ctx.get(dut.o.valid)
            ready = bool(offered and draws[1].random() >= stalls[1])
            ctx.set(dut.o.ready, ready)
            _, _, i_valid, i_ready, valid, beat, *ports = await ctx.tick().sample(
                dut.i.valid, dut.i.ready, dut.o.valid, dut.o.payload.data, *looked
            )
            for n in range(0, len(ports), 4):
                r_en, w_en, r_addr, w_addr = ports[n : n + 4]
                if r_en and w_en and r_addr == w_addr:
                    faults.append(f"cycle {cycle}: word {r_addr} is read and written")
            if held is not None and (not valid or beat != held):
                faults.append(f"cycle {cycle}: a beat on offer changed")
            held = beat if valid and not ready else None
            if i_valid and i_ready:
                taken.append(cycle)
            if valid and ready:
                got.append(beat)
                given.append(cycle)
                quiet = 0
            quiet += 1
            assert quiet < 20_000, f"stuck after {len(got)} beats"
            assert not faults, faults
            cycle += 1
            drain -= len(got) >= len(expected)

    sim = Simulator(dut)
    add_clock(sim)
    sim.add_testbench(sender, background=True)
    sim.add_testbench(receiver)
    sim.run()
    return got, taken, given


SHAPES = [
    (tokens, head_dim, groups, beat)
    for tokens in (1, 2, 3, 12, 32)
    for head_dim in (4, 12, 16, 32)
    for groups in (1, 2, 4)
    for beat in (4, 8, 16)
]


@pytest.mark.parametrize("shape", [s for n, s in enumerate(SHAPES) if n % 3 == 0], ids=str)
def test_equals_golden(shape, memories):
    seed = SHAPES.index(shape)
    draw = random.Random(seed)
    extra = [{WILD: 1}, {"base": 64}, {"base": 4, "rounding": "half-even"}][seed // 3 % 3]
    large = shape[0] * shape[1] > 200
    heads, steps = draw.choice([(1, 1)] if large else [(1, 1), (2, 1), (1, 3), (2, 2)])
    design = make(*shape, heads=heads, steps=steps, **extra)
    dut = StateShifter(design)
    before, after = inferences(design, 2 if large else 3, seed)
    rates = (0.0, 0.3, 0.8)
    stalls = draw.choice(rates), draw.choice(rates)
    got, _, _ = transfer(dut, before, after, stalls=stalls, seed=seed, memories=memories)
    assert any(store.write_ports for store in memories)
    assert got == after


@pytest.mark.parametrize("stalls", [(0.0, 0.0), (0.7, 0.0), (0.0, 0.7), (0.4, 0.4)], ids=str)
@pytest.mark.parametrize(
    "shape", [(1, 4, 1, 4), (1, 1, 1, 4), (3, 12, 12, 4), (5, 6, 2, 8), (12, 15, 3, 4)], ids=str
)
def test_under_every_stall(shape, stalls, memories):
    design = make(*shape, heads=2, steps=2, **{WILD: 1})
    before, after = inferences(design, 3, 1)
    got, _, _ = transfer(
        StateShifter(design), before, after, stalls=stalls, seed=shape[0], memories=memories
    )
    assert got == after


def test_a_memory_of_one_bank(memories):
    """More than 128 words a group: a second bank would cost a block."""
    design = make(36, 36, 1, 4, base=3)
    dut = StateShifter(design)
    assert KeyShifter(design).banks == 1
    before, after = inferences(design, 2, 3)
    got, _, _ = transfer(dut, before, after, stalls=(0.1, 0.1), memories=memories)
    assert got == after


@pytest.mark.parametrize(("shape", "banks"), [((32, 16, 4, 8), 2), ((36, 36, 1, 4), 1)], ids=str)
def test_throughput(shape, banks):
    """Nothing stalls: k takes the cycles that are stated, v and q a beat a cycle."""
    design = make(*shape, base=64)
    count = counts(design)
    before, after = inferences(design, 2, 4)
    dut = StateShifter(design)
    got, taken, given = transfer(dut, before, after)
    assert got == after
    rows = count.k // (1 if banks == 1 else design.shift.groups)
    # One cycle to look up the first word; two from a full bank to its first beat.
    assert KeyShifter(design).banks == banks
    assert taken[count.k - 1] == dut.key_cycles
    assert given[count.k - 1] == dut.key_cycles + rows + 2
    assert count.k <= dut.key_cycles <= design.tokens * design.head_dim
    assert given[count.step - 1] == given[count.k - 1] + count.v + count.q


@pytest.mark.parametrize("shape", [(13, 12, 2, 4), (32, 16, 4, 8), (3, 4, 4, 16)], ids=str)
def test_steps_cover_every_beat(shape):
    design = make(*shape, **{WILD: 1})
    amounts = schedule(design)
    steps = scatter_steps(design)
    assert [len(row) for row in steps] == [design.beats_per_channel] * design.shift.groups
    for group, row in enumerate(steps):
        for n, parts in enumerate(row):
            assert sum(mask for _, mask in parts) == (1 << design.beat) - 1
            for amount, mask in parts:
                bits = [b for b in range(design.beat) if mask >> b & 1]
                tokens = [t for t in (n * design.beat + b for b in bits) if t < design.tokens]
                assert tokens
                assert {amounts[group, t] for t in tokens} == {amount}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"folding": {"order": "score"}}, r"Order must be 'state', not 'score'"),
        ({"position": "none", "shift": None}, r"Position must contain shift, not \(\)"),
    ],
)
def test_refuses(change, message):
    base = {"name": "layer", "tokens": 4, "dim": 4, "heads": 1, "steps": 1, "similarity": "and"}
    keys = {**base, "position": "shift", "shift": {"groups": 1}, **change}
    design = Design.from_dict({key: value for key, value in keys.items() if value is not None})
    with pytest.raises(ValueError, match=f"^{message}$"):
        StateShifter(design)
