import pytest

from spikeloom.design import Design, DesignError

BASE = {"tokens": 32, "dim": 64, "heads": 4, "steps": 4}
BETWEEN = "gate: {}: must be an integer from {} to {}: the scores lie in {} .. {}"


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"gate": 0}, BETWEEN.format(0, 1, 16, 0, 16)),
        ({"gate": 17}, BETWEEN.format(17, 1, 16, 0, 16)),
        ({"gate": -16, "similarity": "hamming"}, BETWEEN.format(-16, -15, 16, -16, 16)),
        ({"gate": 22, "position": "gray"}, BETWEEN.format(22, 1, 21, 0, 21)),
        ({"gate": 22, "position": "log"}, BETWEEN.format(22, 1, 21, 0, 21)),
        (
            {"gate": -3, "position": "table", "table": {"values": [-3] + [0] * 61 + [5]}},
            BETWEEN.format(-3, -2, 21, -3, 21),
        ),
        ({"gate": 1.0}, "gate: 1.0: must be an integer from -1048576 to 1048576"),
        ({"gate": True}, "gate: True: must be an integer from -1048576 to 1048576"),
        (
            {"gate": 1, "folding": {"order": "state"}},
            (
                "folding.order: 'state': must be 'score': a gate decides for every pair of tokens, "
                "and no function of the state does"
            ),
        ),
    ],
)
def test_refused(keys, line):
    with pytest.raises(DesignError) as caught:
        Design.from_dict(BASE | keys)
    assert str(caught.value) == line


def test_warned():
    assert Design.from_dict(BASE | {"gate": 1}).warnings == ()
    (warning,) = Design.from_dict(BASE | {"gate": 1, "similarity": "xnor"}).warnings
    assert warning == "gate: with xnor is in no published model"
    keys = {"gate": 1, "similarity": "xnor", "position": ["shift", "gray"]}
    (warning,) = Design.from_dict(BASE | keys).warnings
    assert warning == "gate: with xnor and gray and shift is in no published model"


def test_derived():
    design = Design.from_dict(
        BASE
        | {"tokens": 1024, "gate": 3, "similarity": "alpha-xnor", "alpha": 0.5}
        | {"folding": {"order": "auto"}}
    )
    assert design.order == "score"
    assert (design.score_fraction, design.drive_fraction, design.threshold_exact) == (3, 0, 8)
