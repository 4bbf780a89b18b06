"""Which order of multiplication ``auto`` takes."""

import pytest

from spikeloom.design import Design

BASE = {"tokens": 32, "dim": 64, "heads": 4, "steps": 4}


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        ({"tokens": 31}, "score"),
        ({"tokens": 32}, "state"),
        ({"tokens": 44, "position": "gray"}, "state"),
        ({"tokens": 40, "position": "gray"}, "score"),
        ({"tokens": 32, "position": "log"}, "score"),
        ({"tokens": 64, "position": "log"}, "state"),
        ({"tokens": 64, "position": "log", "log": {"definition": "code"}}, "score"),
        ({"tokens": 64, "folding": {"order": "auto", "rows": 2}}, "score"),
    ],
)
def test_auto_takes_the_order_with_fewer_cycles(keys, order):
    assert Design.from_dict({**BASE, "folding": {"order": "auto"}, **keys}).order == order
