"""Published structures: golden's spikes of every layer are those of PyTorch."""

import pytest

from .cases import CASES, differing, layers_of, spikes_of
from .opened import convert, expected, read


@pytest.mark.parametrize("name", CASES)
def test_quantized(name):
    sample, layers = expected(name, "any")
    imported = convert(name, "any", bits=CASES[name].bits)
    assert imported.report.family == CASES[name].title
    assert differing(layers_of(imported, sample), layers) == []


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.left])
def test_grid_is_float_itself(name):
    sample, layers = expected(name, "grid")
    imported = convert(name, "grid")
    assert differing(spikes_of(layers_of(imported, sample)), layers) == []
    assert imported.report.verdict == "same spikes, on 2 drawn samples"


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.left])
def test_what_is_left_is_said(name):
    report = convert(name, "grid").report
    assert report.left
    assert report.share > 0.01
    assert "not carried over: " in report.text()


@pytest.mark.parametrize("name", CASES)
def test_every_tensor_has_a_fate(name):
    checkpoint = read(name, "any")
    lines = convert(name, "any").lines
    assert [line.tensor for line in lines] == list(checkpoint.tensors)
    assert not [str(line) for line in lines if line.why == "not used"]


@pytest.mark.parametrize("name", CASES)
def test_spikes_are_there(name):
    """A layer without a spike would be equal to anything."""
    _, layers = expected(name, "any")
    silent = [layer for layer, spikes in layers.items() if not spikes.any()]
    assert len(silent) <= 1
