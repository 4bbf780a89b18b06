"""What every position promises: its section of the design file says what its model does."""

import numpy as np
import pytest

from spikeloom.design.position import POSITIONS
from spikeloom.golden import position

from ... import designs


@pytest.fixture(params=designs.POSITIONS)
def design(request):
    return designs.small(request.param)


def test_every_position_is_met():
    met = {name for row in designs.POSITIONS for name in designs.small(row).position}
    assert met == set(POSITIONS)


def test_codes_are_as_wide_as_said(design):
    for t in range(design.steps):
        codes = position.channels(design, t)
        assert codes.shape == (design.tokens, design.code_bits)
        assert codes.dtype == np.uint8
        assert (codes <= 1).all()
    if not design.by_step:
        assert (position.channels(design, 0) == codes).all()


def test_biases_are_within_what_is_said(design):
    matrices = [position.bias(design, head) for head in range(design.heads)]
    if design.biases is None:
        assert matrices == [None] * design.heads
        return
    low, high = design.biases
    for matrix in matrices:
        assert matrix.shape == (design.tokens, design.tokens)
        assert low <= matrix.min()
        assert matrix.max() <= high
    if not any(part.own_heads for part in design.parts):
        assert (matrices[0] == matrices[-1]).all()


def test_windows_add_up_to_the_bias(design):
    if not all(part.has_state for part in design.parts):
        assert position.windows(design) == []
        return
    index = np.arange(design.tokens)
    distance = np.abs(index[:, None] - index)
    total = np.zeros_like(distance)
    for width in position.windows(design):
        total += distance <= width
    bias = position.bias(design, 0)
    assert (total == (np.zeros_like(total) if bias is None else bias)).all()
    moving = [width for part in design.parts for width in part.windows(design)]
    assert moving == [w for w in position.windows(design) if w < design.tokens - 1]


def test_channels_move_and_stay_spikes(design):
    rng = np.random.default_rng(5)
    x = rng.integers(0, 2, (3, design.tokens, design.head_dim), dtype=np.uint8)
    moved = position.permute(design, x)
    assert moved.shape == x.shape
    assert (moved.sum(axis=-1) == x.sum(axis=-1)).all()
    assert (moved[1] == position.permute(design, x[1])).all()
