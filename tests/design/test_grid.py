import pytest

from spikeloom.design import Design, DesignError
from spikeloom.golden.position.shift import schedule

BASE = {"tokens": 32, "dim": 64, "heads": 4, "steps": 4, "similarity": "xnor"}


@pytest.mark.parametrize(
    ("section", "line"),
    [
        (
            {"grid": [5, 6]},
            "shift.grid: [5, 6]: must hold as many places as there are tokens (32)",
        ),
        ({"grid": 32}, "shift.grid: 32: must be [rows, columns], each from 1 to 4096"),
        ({"grid": [4, 8.0]}, "shift.grid: [4, 8.0]: must be [rows, columns], each from 1 to 4096"),
        (
            {"grid": [4, 8], "groups": 1},
            (
                "shift.groups: 1: must be even beside a grid: half of the groups for rows, "
                "half for columns"
            ),
        ),
        (
            {"grid": [4, 8], "values": [[1] * 32] * 4},
            "shift.grid: [4, 8]: must not stand beside shift.values, which replaces the formula",
        ),
    ],
)
def test_refused(section, line):
    with pytest.raises(DesignError) as caught:
        Design.from_dict(BASE | {"position": "shift", "shift": section})
    assert str(caught.value) == line


def test_log_of_a_picture_is_not_offered():
    with pytest.raises(DesignError) as caught:
        Design.from_dict(BASE | {"position": "log", "log": {"grid": [4, 8]}})
    assert str(caught.value) == (
        "log.grid: [4, 8]: is not offered: Log-PE of rows and columns did not converge in the "
        "paper, which dropped it"
    )


@pytest.mark.parametrize("section", ["gray", "shift"])
def test_log_beside_a_picture_is_warned_about(section):
    keys = {"position": ["log", section], section: {"grid": [4, 8]}}
    keys |= {"shift": {"grid": [4, 8], "base": 4}} if section == "shift" else {}
    (warning,) = Design.from_dict(BASE | keys).warnings
    assert warning == (
        f"position: log beside {section}.grid takes the tokens of the picture as one line; in two "
        "dimensions it did not converge in its paper, which dropped it"
    )


def test_pictures_may_differ_with_a_warning():
    keys = {"position": ["gray", "shift"], "shift": {"grid": [4, 8], "base": 4}}
    for grid, count in (([4, 8], 0), ([8, 4], 1)):
        warnings = Design.from_dict(BASE | keys | {"gray": {"grid": grid}}).warnings
        assert len(warnings) == count
        assert all(w == "shift.grid: is another picture than gray.grid" for w in warnings)
    assert Design.from_dict(BASE | keys).warnings == ()


@pytest.mark.parametrize(
    ("section", "turn"),
    [({}, False), ({"base": 6}, False), ({"base": 5}, True), ({"groups": 2}, True)],
)
def test_groups_that_never_turn(section, turn):
    keys = {"position": "shift", "shift": {"grid": [4, 8], **section}}
    design = Design.from_dict(BASE | keys)
    assert schedule(design).any(axis=1).all() == turn
    assert len(design.warnings) == (not turn)
    assert all(
        w.endswith(
            "leaves groups of a picture of 4 x 8 where they are: their amounts all round to zero"
        )
        for w in design.warnings
    )
