"""RepConv as one convolution, against its five layers in exact rationals."""

from fractions import Fraction

import numpy as np
import pytest

from spikeloom.golden.network.formula import neighbours
from spikeloom.importing.families.repconv import collapse
from spikeloom.importing.model import Norm

from .cases import CASES, draw
from .opened import convert, read


def exact(array):
    return [[Fraction(float(value)) for value in row] for row in np.atleast_2d(array)]


def product(weight, x):
    return [sum((w * v for w, v in zip(row, x, strict=True)), Fraction(0)) for row in weight]


def normalised(norm, x):
    """Apply a normalisation whose variances with eps are squares of whole numbers."""
    parts = (exact(part)[0] for part in (norm.weight, norm.bias, norm.mean, norm.var))
    roots = [Fraction(round((float(var) + norm.eps) ** 0.5)) for var in norm.var]
    found = []
    for value, gain, bias, mean, var, root in zip(x, *parts, roots, strict=True):
        assert root**2 == var + Fraction(norm.eps)
        found.append(gain * (value - mean) / root + bias)
    return found


def restated(first, inner, own, last, outer, picture):
    """Give what the published RepConv gives for a picture {(row, column): channels}."""
    given = {at: normalised(inner, product(exact(first), x)) for at, x in picture.items()}
    frame = normalised(inner, [Fraction(0)] * len(first))
    places, out = [(dy - 1, dx - 1) for dy in range(3) for dx in range(3)], []
    for row, column in picture:
        seen = [given.get((row + dy, column + dx), frame) for dy, dx in places]
        around = [[one[m] for one in seen] for m in range(len(own))]
        kernels = exact(own.reshape(len(own), 9))
        mixed = [product([k], a)[0] for k, a in zip(kernels, around, strict=True)]
        out.append(normalised(outer, product(exact(last), mixed)))
    return out


def test_the_edge_too():
    rng = np.random.default_rng(4)

    def eighths(*shape):
        return (rng.integers(-9, 10, shape) / 8).astype(np.float32)

    def norm(channels):
        var = rng.choice([1.0, 4.0, 16.0], channels) - 2.0**-17
        parts = (eighths(channels), eighths(channels), eighths(channels), var.astype(np.float32))
        return Norm(*parts, eps=2.0**-17)

    first, own, last = eighths(3, 3), eighths(3, 1, 3, 3), eighths(4, 3)
    inner, outer = norm(3), norm(4)
    weight, bias = collapse(first, inner, own, last, outer)
    x = rng.integers(0, 2, (1, 12, 3))
    picture = {divmod(n, 4): [Fraction(int(v)) for v in row] for n, row in enumerate(x[0])}
    want = restated(first, inner, own, last, outer, picture)
    found = neighbours(x.astype(np.float64), 4)[0] @ weight.T.astype(np.float64) + bias
    assert found == pytest.approx(np.array(want, dtype=float), rel=1e-6, abs=1e-6)
    assert abs(inner.bias).max() > 0


def test_stages_join_by_what_membranes_are_worth():
    first, second = convert("spike-driven-v2").parts
    assert (first.name, second.name) == ("stage3", "stage4")
    step = second.host.operations[0]
    assert (step.name, step.inputs, step.weights) == ("times", ("data",), ("given",))
    assert second.host.weights["given"] == pytest.approx(first.unit)
    assert second.design["blocks"][0]["grid"] == 4
    assert first.weights["blocks.0.query.weight"].shape == (16, 144)


def test_the_second_head_is_said():
    rows = read("spike-driven-v2").tensors["head.weight"]
    more = {"head_kd.weight": rows, "head_kd.bias": rows[:, 0]}
    imported = convert("spike-driven-v2", tensors=more)
    assert "mean of head and head_kd" in imported.report.left["head_kd"]
    lines = [str(line) for line in imported.lines if line.tensor.endswith("head_kd.bias")]
    assert lines == [f"head_kd.bias: left ({imported.report.left['head_kd']})"]


def test_data_choose_the_scales_of_the_mlp_alone():
    data = np.stack([draw(CASES["spike-driven-v2"], seed) for seed in range(3)])
    drawn = convert("spike-driven-v2", bits=2).parts
    fitted = convert("spike-driven-v2", bits=2, data=data).parts
    other = {
        name
        for a, b in zip(drawn, fitted, strict=True)
        for name, array in a.weights.items()
        if name.endswith(".weight") and (array != b.weights[name]).any()
    }
    assert other == {"blocks.0.expand.weight", "blocks.1.expand.weight"}
