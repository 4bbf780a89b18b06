"""Layers for tests: few that meet every pair of choices, or all of them.

``SPIKELOOM_SWEEP`` says how many: ``pairs`` (the default), ``triples`` (every three choices
together, hours), or ``product`` (every layer of the sweep there is, days). ``shapes`` is ``pairs``
and all of tests/test_state_shapes.py.
"""

import itertools
import os
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from spikeloom.design import Design
from spikeloom.design import position as encodings
from spikeloom.design.similarity import SIMILARITIES
from spikeloom.golden.attention.beats import counts, pack, unpack
from spikeloom.golden.attention.formula import attention, drive, score_matrix
from spikeloom.golden.ranges import ranges
from spikeloom.hdl.attention.layer import AttentionLayer
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.cxxrtl import CxxrtlModel
from spikeloom.sim.pysim import run_pysim
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import Stimulus
from spikeloom.sim.verilog import to_rtlil

SWEEP = os.environ.get("SPIKELOOM_SWEEP", "pairs")
RATES = (0.7, 0.3, 0.5)
SIDES = {1: [1, 1], 2: [1, 2], 3: [3, 1], 12: [3, 4], 32: [4, 8]}


def amounts(groups, tokens):
    """A schedule that no formula gives: turns back, stays, and goes all the way round."""
    return [[(7 * n * (g + 1) - 3 * g) % 13 - 4 for n in range(tokens)] for g in range(groups)]


def entries(count, seed):
    """A learned table: signed, with both ends of the declared range in it."""
    draw = random.Random(seed)
    return [draw.choice([-8, 7, 0, *range(-8, 8)]) for _ in range(count)]


def gray(**keys):
    return lambda row: ("gray", keys)


def log(**keys):
    return lambda row: ("log", keys)


def shift(groups, **keys):
    return lambda row: ("shift", {"groups": groups, **keys})


def table(index, own):
    def made(row):
        tokens = row["tokens"]
        count = 2 * tokens - 1 if index == "difference" else 1 << (tokens - 1).bit_length()
        rows = [entries(count, seed) for seed in range(row["heads"] if own else 1)]
        return "table", {"index": index, "bits": 4, "values": rows}

    return made


POSITIONS = {
    "none": (),
    "gray": (gray(),),
    "gray-steps": (gray(index="t*L+l"),),
    "gray-grid": (lambda row: ("gray", {"grid": SIDES[row["tokens"]]}),),
    "gray-rom": (gray(form="rom", bits=3),),
    "gray-steps-rom": (gray(form="rom", index="t*L+l", bits=4),),
    "log": (log(length=40),),
    "log-short": (log(length=7),),
    "log-rom": (log(form="rom"),),
    "log-code": (log(definition="code", length=37),),
    "shift": (shift(2, base=64),),
    "shift-values": (lambda row: ("shift", {"groups": 4, "values": amounts(4, row["tokens"])}),),
    "difference": (table("difference", True),),
    "difference-shared": (table("difference", False),),
    "xor": (table("xor", True),),
    "xor-shared": (table("xor", False),),
    "shift-grid": (lambda row: ("shift", {"groups": 2, "grid": SIDES[row["tokens"]]}),),
    "shift-gray-grid": (
        lambda row: ("shift", {"groups": 4, "base": 4, "grid": SIDES[row["tokens"]]}),
        lambda row: ("gray", {"grid": SIDES[row["tokens"]]}),
    ),
    "shift-gray": (shift(4), gray()),
    "shift-log": (shift(1), log(length=40)),
    "shift-xor": (shift(2, rounding="half-even"), table("xor", True)),
    "gray-log": (gray(form="rom"), log(form="rom", length=40)),
    "gray-difference": (gray(index="t*L+l"), table("difference", True)),
    "shift-gray-log": (shift(4), gray(index="t*L+l"), log(length=40)),
}
# A position without a row of its own goes through the sweep as its defaults make it.
_MADE = {made({"tokens": 12, "heads": 2})[0] for row in POSITIONS.values() for made in row}
for _name in encodings.POSITIONS:
    if _name not in _MADE:
        POSITIONS[_name] = (lambda row, name=_name: (name, {}),)


def small(name):
    """Make a small layer with a row of positions."""
    sections = dict(made({"tokens": 12, "heads": 2}) for made in POSITIONS[name])
    keys = {"tokens": 12, "dim": 16, "heads": 2, "steps": 2, "position": sorted(sections)}
    return Design.from_dict({**keys, **sections})


BIASED = tuple(name for name in POSITIONS if small(name).biases)
STATEFUL = tuple(name for name in POSITIONS if all(p.has_state for p in small(name).parts))
NEURONS = {
    "hard": {},
    "soft": {"reset": "soft"},
    "hard-tau4": {"tau": 4},
    "soft-tau4": {"tau": 4, "reset": "soft", "decay_input": False},
    "if-hard": {"neuron": "if"},
    "if-soft": {"neuron": "if", "reset": "soft"},
    "none": {"neuron": "none"},
}
FACTORS = {
    "similarity": tuple(SIMILARITIES),
    "position": tuple(POSITIONS),
    "neuron": tuple(NEURONS),
    "tokens": tuple(SIDES),
    "head_dim": (4, 12, 16, 32),
    "steps": (1, 4),
    "rows": (1, 2, 4, 8),
    "lanes": (1, 2, 4, 8, 16, 32),
    "beat": (8, 4, 16, 64),
    "heads": (2, 1, 3),
    "buffers": ("auto", 1, 2),
    "grid": (1, 3),
    "gate": (False, True),
    "own": (False, True),
}


def factors(order):
    """Give the choices that have a meaning in an order of multiplication."""
    if order == "score":
        return FACTORS
    return {**FACTORS, "position": STATEFUL, "rows": (1,), "gate": (False,)}


def cover(choices, strength, *, seed=0):
    """Give rows in which any values of any ``strength`` columns occur together.

    Greedy: each row starts from what is still missing and takes, column by column, the value
    with which most else that is missing is met; of some such rows the best is kept.
    """
    draw = random.Random(seed)
    names = list(choices)
    missing = {
        group: set(itertools.product(*(choices[name] for name in group)))
        for group in itertools.combinations(names, strength)
    }
    groups_of = {name: [group for group in missing if name in group] for name in names}

    def gain(row, name, value):
        trial = {**row, name: value}
        return sum(
            tuple(trial[n] for n in group) in missing[group]
            for group in groups_of[name]
            if all(n in trial for n in group)
        )

    rows = []
    while any(missing.values()):
        best, most = {}, -1
        for _ in range(8):
            group = draw.choice([group for group, left in missing.items() if left])
            row = dict(zip(group, draw.choice(sorted(missing[group], key=repr)), strict=True))
            for name in draw.sample(names, len(names)):
                if name not in row:
                    values = draw.sample(choices[name], len(choices[name]))
                    row[name] = max(values, key=lambda value: gain(row, name, value))
            met = sum(tuple(row[n] for n in group) in left for group, left in missing.items())
            if met > most:
                best, most = row, met
        for group, left in missing.items():
            left.discard(tuple(best[name] for name in group))
        rows.append({name: best[name] for name in names})
    return rows


def layer(row, order="score"):
    """Make the design of a row: what does not go together is brought to the nearest that does.

    A gate stands where about half of the scores of the row's own spikes reach it. The threshold is
    put where the row's own spikes reach it about every other time: at an integer, or (``grid`` 3)
    at one third above it; with ``own``, every head has such a threshold, and an alpha, of its own.
    """
    tokens, width, beat = row["tokens"], row["head_dim"], row["beat"]
    fits = [n for n in range(1, width + 1) if n == width or beat % n == 0 or n % beat == 0]
    lanes = max(n for n in fits if n <= row["lanes"])
    rows = min(row["rows"], 1 << tokens.bit_length() - 1) if order == "score" else 1
    sections = dict(made(row) for made in POSITIONS[row["position"]])
    data = {
        "name": "layer",
        "tokens": tokens,
        "dim": width * row["heads"],
        "heads": row["heads"],
        "steps": row["steps"],
        "similarity": row["similarity"],
        "position": sorted(sections) or "none",
        "folding": {"order": order, "rows": rows, "lanes": lanes, "buffers": row["buffers"]},
        "target": {"beat": beat},
        **sections,
    }
    if SIMILARITIES[row["similarity"]].alpha:
        own = [f"{(3 + 2 * head) % 9}/8" for head in range(row["heads"])]
        data["alpha"] = own if row.get("own") else "3/8"
    if row.get("gate"):
        data["gate"] = middle(Design.from_dict(data))
    bare = Design.from_dict({**data, "neuron": "none"})
    if row["neuron"] == "none":
        return bare
    drives = drive(bare, **draw_spikes(bare, rate=RATES[0], seed=0))
    keys = NEURONS[row["neuron"]]
    unit = Design.from_dict({**data, **keys, "threshold": 1, "scale": 1}).threshold_exact
    theta = [
        max(Fraction(1), Fraction(round(float(np.quantile(part, 0.6)))))
        + Fraction(row["grid"] - 1, 6)
        for part in ([drives] if not row.get("own") else np.split(drives, row["heads"], axis=2))
    ]
    if row.get("own"):
        scales = [str(unit / (own + 3 * head)) for head, own in enumerate(theta)]
        return Design.from_dict({**data, **keys, "threshold": 1, "scale": scales})
    return Design.from_dict({**data, **keys, "threshold": str(theta[0] / unit), "scale": 1})


def label(row):
    return "/".join(str(value) for value in row.values())


def middle(design):
    """Give a gate that about half of the scores reach, and not all that there can be."""
    arrays = draw_spikes(design, rate=RATES[0], seed=0)
    q, k = (arrays[name][0, :, : design.head_dim] for name in "qk")
    low, high = (end >> design.score_fraction for end in ranges(design).score)
    typical = np.median(score_matrix(design, q, k, t=0, head=0)) / (1 << design.score_fraction)
    return int(min(max(round(float(typical)), low + 1), high))


def sweep(order="score"):
    """Give the batches of the sweep, as ``SPIKELOOM_SWEEP`` asks for: a name, and rows."""
    choices = factors(order)
    if SWEEP != "product":
        rows = cover(choices, {"pairs": 2, "shapes": 2, "triples": 3}[SWEEP])
        return [(label(row), [row]) for row in rows]
    first = ("similarity", "position", "neuron")
    groups = itertools.product(*(choices[name] for name in first))
    return [
        (
            "/".join(group),
            product({**choices, **{n: (v,) for n, v in zip(first, group, strict=True)}}),
        )
        for group in groups
    ]


def product(choices) -> Iterator[dict[str, Any]]:
    """Everything; what only moves data goes round and round beside it."""
    minor = ("beat", "heads", "buffers", "grid")
    major = [name for name in choices if name not in minor]
    beside = itertools.cycle(itertools.product(*(choices[name] for name in minor)))
    for values in itertools.product(*(choices[name] for name in major)):
        yield dict(zip((*major, *minor), (*values, *next(beside)), strict=True))


def inferences(design, rates=RATES):
    """Inferences that differ, so that what is left of one shows in the next; and their beats."""
    inputs = [draw_spikes(design, rate=rate, seed=n) for n, rate in enumerate(rates)]
    return inputs, np.stack([pack(design, **arrays) for arrays in inputs])


def work(design):
    """Estimate the work of simulating an inference, in events."""
    folded = design.rows * design.lanes + design.rows * design.channels
    return AttentionLayer(design).compute_cycles() * (20 + folded)


def check(design, *, stalls=0.0, seed=0, rates=RATES, top=AxiStreamTop):
    """Compare RTL and golden model over inferences back to back; give the golden answers."""
    inputs, frames = inferences(design, rates)
    stimulus = Stimulus(frames, counts(design).outputs, stalls=stalls, seed=seed, patience=20_000)
    # Amaranth's simulator starts at once; a compiled model takes seconds and then is fast.
    if work(design) < 100_000:
        traffic = run_pysim(top(design), stimulus)
    else:
        traffic = CxxrtlModel(to_rtlil(top(design))).run(stimulus)
    golden = [attention(design, **arrays) for arrays in inputs]
    for n, (want, frame) in enumerate(zip(golden, traffic.frames, strict=True)):
        answer = unpack(design, frame)
        wrong = np.argwhere(answer != want)
        assert not len(wrong), f"inference {n}, (t, token, channel) = {wrong[0]}: {len(wrong)}"
    formula = AttentionLayer.of(design).compute_cycles
    assert traffic.busy == sum(map(formula, inputs))
    return golden
