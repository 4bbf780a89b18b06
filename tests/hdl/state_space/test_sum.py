"""Sums of products: against integers, product by product and bit by bit."""

import random

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.design.state_space.fixed import fixed
from spikeloom.hdl.state_space.plan import StateSpacePlan
from spikeloom.hdl.state_space.sum import BitSum, DspSum, sum_of_products
from spikeloom.sim.rows import run

from ...cells import simulate_cells


def make(*, state=6, **keys):
    rng = np.random.default_rng(3)
    matrices = {
        "A": rng.uniform(0.9, 1, state),
        "B": rng.normal(size=(state, 3)) * 0.5,
        "C": rng.normal(size=(3, state)) * 0.3,
    }
    shape = {"kind": "state-space", "steps": 3, "dim": 3, "state": state}
    return Design.from_dict({**shape, "matrices": matrices, **keys})


LAYERS = {
    "wide": {"b_bits": 16, "h_fraction": 14},
    "narrow": {"h_fraction": 6},
    "whole": {"c_bits": 2, "c_fraction": 0, "y_fraction": 10},
}


def halves(design):
    """What rounds a sum of C h to the units of y, and a product of A h to those of h."""
    shift = design.h_fraction_bits + design.c_fraction_bits - design.y_fraction
    assert fixed(design).drop == shift
    return (1 << shift) >> 1, 1 << design.a_fraction_bits - 1


def factors(dut, draw, count):
    """States and coefficients whose sums fit, the extremes of states among them."""
    width, top = len(dut.h), len(dut.acc) - 2
    pairs = []
    for n in range(count):
        h = (-1 << width - 1, (1 << width - 1) - 1, 0, -1)[n % 4] if n < 4 else None
        h = draw.randrange(-1 << width - 1, 1 << width - 1) if h is None else h
        limit = max(1, (1 << top) // max(1, abs(h)) // count)
        limit = min(limit, 1 << 15)
        pairs.append((h, draw.randrange(-limit, limit)))
    return pairs


def shifted(rows, after):
    """Give the states a cycle after the coefficients."""
    states = [0, *(row.pop("h") for row in rows)]
    return [{**row, "h": h} for row, h in zip([*rows, after], states, strict=True)]


@pytest.mark.parametrize("cells", ["portable", "ice40"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_product_a_cycle(name, cells, monkeypatch):
    simulate_cells(monkeypatch)
    design = make(**LAYERS[name], multiplier="dsp", target={"cells": cells})
    plan = StateSpacePlan(design)
    dut = sum_of_products(plan)
    assert isinstance(dut, DspSum)
    assert plan.latency == (5 if len(dut.h) > 16 else 4)
    draw = random.Random(name)
    half, half_fall = halves(design)
    rows, want = [], []
    for fall in (0, 1, 0):
        for _ in range(8):
            total = half_fall if fall else half
            for n, (h, k) in enumerate(factors(dut, draw, 1 if fall else 6)):
                valid = int(draw.random() < 0.8)
                total += h * k * valid
                # The phase is held until the last product is in.
                rows.append({"h": h, "k": k, "valid": valid, "first": int(n == 0), "fall": fall})
                want.append(total)
        rows += [{"h": 3, "k": 5, "valid": 0, "first": 0, "fall": fall}] * 8
        want += [None] * 8
    rows = [dict(row) for row in rows]
    answers = run(dut, shifted(rows, {**rows[-1], "h": 0}), latency=plan.latency)
    pairs = zip(answers[:-1], want, strict=True)
    compared = [(answer, total) for answer, total in pairs if total is not None]
    assert len(compared) == 8 * 13
    assert all(answer == total for answer, total in compared)


@pytest.mark.parametrize("name", LAYERS)
def test_a_bit_a_cycle(name):
    design = make(**LAYERS[name], multiplier="shift-add")
    plan = StateSpacePlan(design)
    dut = sum_of_products(plan)
    assert isinstance(dut, BitSum)
    assert plan.latency == 3
    draw = random.Random(name)
    half, half_fall = halves(design)
    rows, want = [], []
    idle = {"h": 7, "k": -1, "valid": 0, "first": 0, "plane": 3, "sign": 0, "double": 0, "round": 0}
    for fall in (0, 1, 0):
        for _ in range(6):
            given = factors(dut, draw, 1 if fall else 5)
            planes = 16
            total = half_fall if fall else half
            for plane in reversed(range(planes)):
                for n, (h, k) in enumerate(given):
                    top = plane == planes - 1
                    row = {"h": h, "k": k, "valid": 1, "first": int(n == 0 and top), "plane": plane}
                    row |= {"sign": int(top), "double": int(n == 0 and not top), "round": 0}
                    rows.append({**row, "fall": fall})
                    want.append(None)
            rows.append({**idle, "round": 1, "fall": fall})
            want.append(total + sum(h * k for h, k in given))
        rows += [{**idle, "fall": fall} for _ in range(8)]
        want += [None] * 8
    answers = run(dut, shifted(rows, {**idle, "fall": 0}), latency=plan.latency)
    pairs = zip(answers[:-1], want, strict=True)
    compared = [(answer, total) for answer, total in pairs if total is not None]
    assert len(compared) == 18
    assert all(answer == total for answer, total in compared)
