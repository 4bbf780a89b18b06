"""Which order of multiplication ``auto`` takes, and the cost model that it goes by."""

import itertools
import json
from pathlib import Path

import pytest

from spikeloom.design import Design
from spikeloom.design.attention.cost import RATE, estimate
from spikeloom.figures.points import POINTS, LayerPoint
from spikeloom.hdl.attention.layer import AttentionLayer
from spikeloom.sim.spikes import draw_spikes

BASE = {"tokens": 32, "dim": 64, "heads": 4, "steps": 4}
RESULTS = json.loads((Path(__file__).parents[2] / "docs/results.json").read_text(encoding="utf-8"))[
    "points"
]
LAYERS = {
    point.name: point
    for point in POINTS
    if isinstance(point, LayerPoint)
    and point.family in ("layers", "growth", "workloads")
    and getattr(point.design().folding, "spikes", 1) == 1
}
CELLS_WITHIN = 0.2
CYCLES_WITHIN = 0.15


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        ({}, "state"),
        ({"tokens": 4}, "state"),
        ({"tokens": 2}, "score"),
        ({"tokens": 8, "dim": 256}, "score"),
        ({"similarity": "xnor"}, "state"),
        ({"tokens": 12, "similarity": "xnor"}, "score"),
        ({"similarity": "xnor", "position": "gray"}, "state"),
        ({"tokens": 32, "position": "log"}, "score"),
        ({"tokens": 128, "position": "log"}, "state"),
        ({"tokens": 128, "position": "log", "log": {"definition": "code"}}, "score"),
        ({"tokens": 64, "folding": {"order": "auto", "rows": 2}}, "score"),
    ],
)
def test_auto_takes_the_order_with_fewer_cells_times_cycles(keys, order):
    assert Design.from_dict({**BASE, "folding": {"order": "auto"}, **keys}).order == order


def measured(name):
    """Cells that were published."""
    return RESULTS.get(name, {}).get("cells", {}).get("logic_cells")


@pytest.mark.parametrize("name", [name for name in LAYERS if measured(name)])
def test_estimated_cells_are_near_the_published(name):
    design = LAYERS[name].design()
    assert estimate(design, design.order).cells == pytest.approx(measured(name), rel=CELLS_WITHIN)


@pytest.mark.parametrize("name", [name for name in LAYERS if not name.startswith("workload")])
def test_estimated_cycles_are_near_the_exact(name):
    design = LAYERS[name].design()
    spikes = draw_spikes(design, rate=RATE, seed=1)
    exact = AttentionLayer(design).compute_cycles(spikes)
    runs = design.heads * design.steps
    assert estimate(design, design.order).cycles == pytest.approx(exact / runs, rel=CYCLES_WITHIN)


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("position", ["none", "gray", "log", "shift"])
def test_estimated_cycles_follow_the_rate(position, rate):
    keys = {"similarity": "xnor", "position": position, "folding": {"order": "state", "lanes": 8}}
    design = Design.from_dict({**BASE, **keys})
    spikes = draw_spikes(design, rate=rate, seed=1)
    exact = AttentionLayer(design).compute_cycles(spikes) / 16
    assert estimate(design, "state", rate=rate).cycles == pytest.approx(exact, rel=CYCLES_WITHIN)


def test_the_better_of_two_published_layers_is_found():
    """Between layers of one shape and mechanism, in either order, by more than the bounds."""
    alike = {}
    for name in filter(measured, LAYERS):
        design = LAYERS[name].design()
        own = {"name": "", "folding": None, "target": None}
        alike.setdefault(repr(design.model_copy(update=own)), []).append((name, design))
    pairs = 0
    for group in alike.values():
        for (one, first), (two, second) in itertools.combinations(group, 2):
            products = []
            for name, design in ((one, first), (two, second)):
                spikes = draw_spikes(design, rate=RATE, seed=1)
                cycles = AttentionLayer(design).compute_cycles(spikes)
                products.append(measured(name) * cycles)
            guesses = [estimate(d, d.order).product for d in (first, second)]
            ratio = products[0] / products[1]
            if not 0.7 < ratio < 1.4:
                assert (guesses[0] < guesses[1]) == (ratio < 1), (one, two)
                pairs += 1
    assert pairs >= 20
