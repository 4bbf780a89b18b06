from fractions import Fraction

import pytest

from spikeloom.design import Design, DesignError

BASE = {"tokens": 32, "dim": 64, "heads": 4, "steps": 4}
ALPHA = {"similarity": "alpha-xnor"}
FACTOR = 'must be a number from 1e-6 to 1e6, as 0.125 or "1/8", or the negative of one'


def make(**keys):
    return Design.from_dict(BASE | keys)


def test_numbers_of_single_heads():
    design = make(**ALPHA, alpha=[0.25, "3/8", 0, 1], scale=["1/8", 0.25, "1/56", 1])
    assert design.scales == (Fraction(1, 8), Fraction(1, 4), Fraction(1, 56), 1)
    assert design.kappas == (2, 3, 0, 8)
    assert design.thresholds_exact == (64, 32, 448, 8)
    assert make().scales == (Fraction(1, 8),) * 4
    assert make().kappas == (0,) * 4


@pytest.mark.parametrize("name", ["kappa", "alpha_exact", "threshold_exact"])
def test_what_is_one_a_head_is_not_one(name):
    design = make(**ALPHA, alpha=[0.25, 0.5, 0, 1], scale=["1/8", 1, 1, 1])
    with pytest.raises(ValueError, match="^(Kappa|Alpha|Threshold) must be one number, not one a"):
        getattr(design, name)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"scale": [1, 2, 3]}, "scale: 3 numbers: must be one number, or a list of one a head (4)"),
        (
            {**ALPHA, "alpha": [0.5] * 5},
            "alpha: 5 numbers: must be one number, or a list of one a head (4)",
        ),
        (
            {"alpha": ["1/2"] * 4},
            (
                "alpha: ['1/2', '1/2', '1/2', '1/2']: has a meaning with similarity alpha-xnor "
                "only, not and"
            ),
        ),
        (
            {"scale": [1, 2, 3, 0]},
            f"scale: 0: {FACTOR}",
        ),
        (
            {"scale": [1, [2], 3, 4]},
            f"scale: [2]: {FACTOR}",
        ),
        (
            {**ALPHA, "alpha": [0, 0.5, 1, 1.5]},
            'alpha: 1.5: must be a number from 0 to 1, as 0.375 or "3/8"',
        ),
        (
            {"threshold": [1, 1, 1, 1]},
            'threshold: [1, 1, 1, 1]: must be a number from 1e-6 to 1e6, as 0.125 or "1/8"',
        ),
    ],
)
def test_refused(keys, line):
    with pytest.raises(DesignError) as caught:
        make(**keys)
    assert str(caught.value) == line


def test_warned():
    (warning,) = make(**ALPHA, alpha=[0.25, 0.3, 0.43, 0.5]).warnings
    assert warning == "alpha: 0.43 of head 2 is rounded to 3/8, an error of -0.055"
    (warning,) = make(**ALPHA, alpha=[0, 0, 0, 0]).warnings
    assert warning.startswith("alpha: zero is")
    assert make(**ALPHA, alpha=[0, 0, 0, 1]).warnings == ()
    (warning,) = make(reset="soft", scale=["1/8", "1/8", 0.3, "1/8"]).warnings
    assert warning.startswith("reset: soft, with a threshold of 3.33333 in units")
    assert make(scale=[0.3, 0.6, 0.7, 0.9]).warnings == ()
    ties = make(scale=[0.1, 0.2, 0.3, 0.2]).warnings
    assert [warning.split(" is ")[0] for warning in ties] == ["scale: 1/10", "scale: 1/5"]


def test_order():
    keys = {"tokens": 1024, "folding": {"order": "auto"}}
    assert make(**keys, **ALPHA, alpha=[0.25, 0.5, 0.5, 0.5], scale=[1, 2, 3, 4]).order == "state"
    assert make(**keys, scale=[1, 2, 3, 4], gate=2).order == "score"
