"""Every similarity with every position at full size, in both orders: as golden, cycle by cycle.

A part of them, in which each similarity, position and shape meets each order, runs always, in
about a minute; all of them with ``SPIKELOOM_SWEEP=shapes``, in seven.
"""

from fractions import Fraction

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.attention.formula import drive
from spikeloom.sim.spikes import draw_spikes

from ...designs import SWEEP, check, entries

SHAPES = {
    "1024x64": {"tokens": 1024, "dim": 64, "heads": 1, "steps": 1},
    "168x256": {"tokens": 168, "dim": 256, "heads": 8, "steps": 4},
}
SIMILARITIES = {
    "and": {},
    "xnor": {"similarity": "xnor"},
    "alpha-xnor": {"similarity": "alpha-xnor", "alpha": "3/8"},
    "hamming": {"similarity": "hamming"},
}
POSITIONS = {
    "none": ("score", "state"),
    "gray": ("score", "state"),
    "log": ("score", "state"),
    "log-code": ("score",),
    "shift": ("score", "state"),
    "table": ("score",),
}
# Few lanes, since most of the time goes into compiling the models.
FOLDINGS = {"score": {"lanes": 32}, "state": {"lanes": 8}}
RATES = (0.1, 0.3)

POINTS = [
    (shape, similarity, position, order)
    for shape in SHAPES
    for similarity in SIMILARITIES
    for position, orders in POSITIONS.items()
    for order in orders
]


def chosen(point):
    """Tell whether a point runs always: each position once in each order, taking turns."""
    shape, similarity, position, order = point
    place = [name for name, orders in POSITIONS.items() if order in orders].index(position)
    turn = place + list(FOLDINGS).index(order)
    shapes, similarities = list(SHAPES), list(SIMILARITIES)
    return (shape, similarity) == (shapes[turn % 2], similarities[turn % 4])


def make(shape, similarity, position, order):
    """Make the layer, with a threshold that drives at the middle rate reach now and then."""
    keys = {**SHAPES[shape], **SIMILARITIES[similarity], "folding": {"order": order}}
    keys["folding"] |= FOLDINGS[order]
    keys["target"] = {"device": "hx8k-ct256"} if order == "score" else {}
    name = position.partition("-")[0]
    if name != "none":
        keys["position"] = name
    if position == "log-code":
        keys["log"] = {"definition": "code"}
    if position == "table":
        values = [entries(2 * keys["tokens"] - 1, seed) for seed in range(keys["heads"])]
        keys["table"] = {"index": "difference", "bits": 4, "values": values}
    bare = Design.from_dict({**keys, "neuron": "none"})
    typical = np.quantile(drive(bare, **draw_spikes(bare, rate=RATES[-1], seed=9)), 0.6)
    theta = max(Fraction(1), Fraction(round(float(typical))))
    unit = Design.from_dict({**keys, "threshold": 1, "scale": 1}).threshold_exact
    return Design.from_dict({**keys, "threshold": str(theta / unit), "scale": 1})


def test_what_runs_always_meets_everything():
    points = [point for point in POINTS if chosen(point)]
    for order in FOLDINGS:
        met = [point for point in points if point[3] == order]
        assert {point[0] for point in met} == set(SHAPES)
        assert {point[1] for point in met} == set(SIMILARITIES)
        assert {point[2] for point in met} == {n for n, o in POSITIONS.items() if order in o}


@pytest.mark.parametrize(
    "point",
    [point for point in POINTS if SWEEP == "shapes" or chosen(point)],
    ids=lambda point: "/".join(point),
)
def test_full_size(point):
    answers = check(make(*point), rates=RATES)
    assert any(answer.any() for answer in answers)
    assert not all(answer.all() for answer in answers)
