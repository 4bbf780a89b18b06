"""The engine by itself: passes in, sums over tokens, spikes of neurons and parts of numbers out."""

import random

import numpy as np
import pytest

from spikeloom.golden.network.formula import lif
from spikeloom.hdl.network.engine import Engine
from spikeloom.hdl.network.plan import NetworkPlan
from spikeloom.hdl.network.program.words import DEST, FLAGS, bits_of

from ...benches import LIMIT, signed, simulate, tick
from ...networks.draws import block, make

PART = 9


class Job:
    """An output of a layer: its passes, and what they must give."""

    def __init__(self, generator, plan, memory, end, *, sync, whole, spread):
        self.plan, self.end, lanes = plan, end, plan.lanes
        steps, wide = plan.design.steps, plan.widths
        self.reads_out = generator.random() < 0.3 and not spread
        self.whole = whole
        self.passes = []
        rows = end // plan.at_once + 1
        sums = np.zeros((steps, rows * plan.at_once), int)
        count = generator.randrange(1, 4)
        for n in range(count):
            low, high = (generator.getrandbits(lanes) for _ in range(2))
            high = high if plan.planes == 2 else 0
            flags = {"first": n == 0, "double": n == 1, "last": n == count - 1}
            flags |= {"minus_low": generator.randrange(2), "reads_out": self.reads_out}
            flags |= {"minus_high": generator.randrange(2), "whole": self.whole}
            flags |= {"sync": sync and n == 0}
            if plan.spread:
                flags["spread"] = spread
            start = generator.randrange(4) << plan.row_bits
            if n == 1:
                sums = sums << (plan.planes if self.reads_out else 1)
            for t in range(steps):
                for token in range(rows * plan.at_once):
                    row, p = divmod(token, plan.at_once)
                    # Spread, a token is in the units of one step, and counts for all.
                    row, unit = divmod(row, steps) if spread else (row, t)
                    word = memory[start + row][unit * plan.at_once + p]
                    part = (word & low).bit_count() * (-1 if flags["minus_low"] else 1)
                    part += 2 * (word & high).bit_count() * (-1 if flags["minus_high"] else 1)
                    sums[t, token] += part
            flags = {name: int(value) for name, value in flags.items()}
            self.passes.append((bits_of(plan.flags, flags), start, low | high << lanes))
        shift = plan.design.fraction
        unit = 1 << shift if self.whole else 1
        self.bias = generator.randrange(-20, 21) << shift
        self.theta = generator.randrange(1, 30) << shift
        # Both within their bits, as for the design itself.
        self.bias = max(min(self.bias, (1 << wide.bias - 1) - 1), 1 - (1 << wide.bias - 1))
        self.bias = self.bias // unit * unit
        self.theta = min(self.theta, (1 << wide.threshold) - 1) // unit * unit or unit
        self.parameters = (self.bias & (1 << wide.bias) - 1) | self.theta << wide.bias
        self.total = int(sums.sum())
        drive = ((sums << shift) + self.bias) // unit
        self.spikes = lif(drive[:, :, None], np.array([self.theta // unit]))[:, :, 0]
        self.spikes[:, end + 1 :] = 0


class Units:
    """Gives parts as units do: weights a cycle behind an address, signs a cycle before the sum."""

    def __init__(self, dut, memory):
        self.dut, self.memory, self.seen = dut, memory, []
        self.reach = dut.plan.stages + 2

    def look(self, ctx, now):
        self.seen.append(now)
        if len(self.seen) < self.reach:
            return
        then, weights = self.seen[-self.reach], self.seen[1 - self.reach]
        parts = 0
        for n, word in enumerate(self.memory[then.addr]):
            part = (word & weights.low).bit_count() * (-1 if now.minus_low else 1)
            part += 2 * (word & weights.high).bit_count() * (-1 if now.minus_high else 1)
            parts |= (part & (1 << PART) - 1) << PART * n
        ctx.set(self.dut.parts, parts if then.en else 0)


NAMES = (
    "take held idle addr en low high minus_low minus_high adds up ends final bias w_en w_dest "
    "w_lane w_row w_last spikes parts"
)


@pytest.mark.parametrize("stalls", [0.0, 0.5])
@pytest.mark.parametrize(
    ("lanes", "planes", "at_once", "steps", "tokens"),
    [(16, 2, 1, 2, 5), (16, 1, 4, 1, 9), (32, 2, 2, 2, 12), (64, 1, 1, 3, 4), (16, 2, 2, 4, 20)],
)
def test_passes_become_spikes_and_numbers(lanes, planes, at_once, steps, tokens, stalls):
    design = make(
        **{"tokens": tokens, "steps": steps},
        encoder={"bits": 8, "weight_bits": 8},
        blocks=[block(weight_bits=8, hidden=60)],
        folding={"lanes": lanes, "tokens": at_once, "planes": planes},
    )
    plan = NetworkPlan(design)
    dut, generator = Engine(plan, PART), random.Random(tokens)
    count = steps * at_once
    memory = [[generator.getrandbits(lanes) for _ in range(count)] for _ in range(plan.depth)]
    units = Units(dut, memory)
    shift = planes

    async def run(ctx, end):
        # Outputs of a layer follow each other; the next layer waits for what they write.
        jobs = [
            Job(
                *(generator, plan, memory, end),
                **{"sync": n % 4 == 0, "whole": n // 4 % 2 == 1},
                spread=bool(plan.spread) and n // 4 % 3 == 1,
            )
            for n in range(16)
        ]
        layout = plan.sections.layout.members
        targets = [
            {"place": generator.randrange((1 << layout["place"]) - 4)}
            | {name: n % 2 for name in ("sets", "clears", "turned") if name in layout}
            for n in range(4)
        ]
        ctx.set(dut.end, end)
        spikes, totals, total = [], [], 0
        waiting = [(job, n) for job in jobs for n in range(len(job.passes))]
        begun = 0
        closing = taken = False
        for _ in range(LIMIT):
            # The fetcher needs a cycle before it changes what was taken.
            ready = not taken and begun < len(waiting) and generator.random() >= stalls
            if ready:
                job, n = waiting[begun]
                flags, row, weights = job.passes[n]
                target = targets[jobs.index(job) // 4]
                ctx.set(dut.head, {**dict.fromkeys(plan.sections.layout.members, 0), **target})
                last = n == len(job.passes) - 1
                # Parameters of the output before are not written over while they are looked at.
                ready = not (last and (ctx.get(dut.held) or closing))
            if ready:
                ctx.set(dut.flags.as_value(), flags)
                ctx.set(dut.row, row)
                ctx.set(dut.weights, weights)
                if last:
                    ctx.set(dut.parameters, job.parameters)
            ctx.set(dut.ready, ready)
            ctx.set(dut.hold, closing)
            now = await tick(ctx, dut, NAMES)
            units.look(ctx, now)
            taken = bool(now.take)
            if now.take:
                assert ready
                if flags >> FLAGS["sync"].offset & 1:
                    assert now.idle
                closing = closing or (last and job.reads_out)
                begun += 1
            if now.adds:
                part = sum(signed(now.parts >> PART * n, PART) for n in range(count))
                total = (total << shift if now.up else total) + part
                if now.ends:
                    # The bias is looked at from now on.
                    totals.append((total, None))
                    total = 0
            if closing and not now.adds and len(totals) and totals[-1][1] is None:
                totals[-1] = (totals[-1][0], now.bias)
                closing = False
            if now.w_en:
                spikes.append((now.w_dest, now.w_lane, now.w_row, now.w_last, now.spikes))
            if begun == len(waiting) and now.idle and not (taken or closing):
                break
        else:
            raise AssertionError("the engine is stuck")
        rows = end // at_once + 1
        want = []
        for number, job in enumerate(jobs):
            if number % 4 == 0:
                # Where the spikes of a layer go, output after output.
                target = dict(targets[number // 4])
                lane = target.pop("place")
            if job.reads_out:
                continue
            dest = bits_of(DEST, {"slot": lane // lanes, **target})
            for row in range(rows):
                bits = 0
                for t in range(steps):
                    for p in range(at_once):
                        bits |= int(job.spikes[t, row * at_once + p]) << t * at_once + p
                want.append((dest, lane, row, int(row == rows - 1), bits))
            lane += 1
        found = [
            (int(dest.as_bits()), lane, row, last, bits) for dest, lane, row, last, bits in spikes
        ]
        assert found == want
        assert totals == [(job.total, job.bias) for job in jobs if job.reads_out]

    async def bench(ctx):
        for end in (tokens - 1, 0, tokens // 2, tokens - 1):
            await run(ctx, end)

    simulate(dut, bench)
