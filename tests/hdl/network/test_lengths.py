"""Sequences that are shorter than the layer: its answers are those of a layer of their length."""

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.attention.beats import pack, pack_output
from spikeloom.golden.attention.formula import attention
from spikeloom.hdl.attention.layer import AttentionLayer
from spikeloom.hdl.attention.loader import Loader
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.attention.score.engine import ScoreEngine
from spikeloom.hdl.attention.state.chunks import ChunkLoader
from spikeloom.hdl.frame.unloader import Unloader

from ...benches import receiver, sender, simulate

BASE = {"tokens": 18, "dim": 20, "heads": 2, "steps": 2, "scale": "1/4", "threshold": "1/2"}
DESIGNS = [
    {"folding": {"order": "score", "rows": 1, "lanes": 4}},
    {"folding": {"order": "score", "rows": 4, "lanes": 10}, "similarity": "xnor"},
    {"folding": {"order": "state", "lanes": 4, "buffers": 2}},
    {"folding": {"order": "state", "lanes": 10, "buffers": 1}, "similarity": "hamming"},
    {"folding": {"order": "state", "lanes": 8}, "neuron": "if", "reset": "soft"},
]


def make(tokens=18, **keys):
    return Design.from_dict({"name": "short", **BASE, "target": {"beat": 16}, **keys} | {
        "tokens": tokens
    })  # fmt: skip


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize("keys", DESIGNS, ids=range(len(DESIGNS)))
def test_answers_are_those_of_the_tokens_that_there_are(keys, stalls):
    dut = AttentionLayer(make(**keys), lengths=True)
    rng = np.random.default_rng(5)
    busy = []
    # A long one first: what it leaves in the memories is nobody's afterwards.
    for length in (18, 1, 7, 16):
        design = make(length, **keys | {"folding": {**keys["folding"], "rows": 1}})
        arrays = [rng.integers(0, 2, (2, length, 20)).astype(np.uint8) for _ in "qkv"]
        want = pack_output(design, attention(design, *arrays)).tolist()
        found = []

        async def watch(ctx, length=length):
            ctx.set(dut.end, length - 1)
            count = 0
            while True:
                *_, works = await ctx.tick().sample(dut.busy)
                count += works
                busy.append((length, count))

        take = receiver(dut.o, found, len(want), stalls=stalls, seed=length)
        simulate(dut, take, sender(dut.i, pack(design, *arrays), stalls=stalls), watch)
        assert [beat for beat, _ in found] == want
        assert [last for _, last in found].index(1) == len(want) - 1
        if not stalls:
            q, k = (array for array in arrays[:2])
            predicted = dut.run_cycles({"q": q, "k": k}, length).sum()
            assert predicted == busy[-1][1]


def test_one_after_the_other_in_the_same_layer():
    """Nothing is left of a longer sequence: one simulation, two lengths."""
    for keys in DESIGNS:
        dut = AttentionLayer(make(**keys), lengths=True)
        rng, want, beats, ends = np.random.default_rng(1), [], [], []
        for length in (18, 3):
            design = make(length, **keys | {"folding": {**keys["folding"], "rows": 1}})
            arrays = [rng.integers(0, 2, (2, length, 20)).astype(np.uint8) for _ in "qkv"]
            want.append(pack_output(design, attention(design, *arrays)).tolist())
            beats.append([int(beat) for beat in pack(design, *arrays)])
            ends.append(length - 1)

        async def bench(ctx, dut=dut, beats=beats, ends=ends, want=want):
            for given, end, answer in zip(beats, ends, want, strict=True):
                ctx.set(dut.end, end)
                ctx.set(dut.o.ready, 1)
                sent, found = 0, []
                for _ in range(20_000):
                    ctx.set(dut.i.valid, sent < len(given))
                    ctx.set(dut.i.payload.data, given[min(sent, len(given) - 1)])
                    *_, taken, there, data = await ctx.tick().sample(
                        dut.i.valid & dut.i.ready, dut.o.valid, dut.o.payload.data
                    )
                    sent += taken
                    found += [data] if there else []
                    if len(found) == len(answer):
                        break
                assert found == answer

        simulate(dut, bench)


def test_parts_have_an_end_only_where_it_is_asked_for():
    score, state = make(**DESIGNS[0]), make(**DESIGNS[2])
    for kind, design in ((Loader, score), (ScoreEngine, score), (ChunkLoader, state)):
        assert "end" not in kind(design).signature.members
        assert "end" in kind(design, lengths=True).signature.members
    form = Plan(score).answer
    assert "end" not in Unloader(form).signature.members
    assert "end" in Unloader(form, lengths=True).signature.members
