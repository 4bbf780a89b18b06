"""Keys of a neuron, in every kind of layer that has them."""

from fractions import Fraction

import pytest

from spikeloom.design import Design, DesignError

SHAPE = {"tokens": 4, "dim": 4, "steps": 4}
KINDS = {
    "attention": {**SHAPE, "heads": 1},
    "mask": {**SHAPE, "kind": "mask", "attention": "sdsa", "heads": 1},
    "integer": {**SHAPE, "kind": "integer-attention", "heads": 1},
    "projection": {
        **SHAPE,
        "kind": "projection",
        "inputs": 2,
        "weights": {"values": [[1, 2]] * 4},
    },
}
TAU = 'must be a number above 1, a quotient of integers up to 1000, as 2, 1.5 or "4/3"'
DECAY = 'must be between 0 and 1, a quotient of integers up to 1000, as 0.9 or "1/3"'
BESIDE = "must not stand beside decay, which replaces it"
FLOAT = (
    "can bring a membrane to the threshold of 4/3 in units of the drive, which no float holds: "
    "code that rounds it may fall on either side"
)


@pytest.fixture(params=KINDS)
def make(request):
    return lambda **keys: Design.from_dict(KINDS[request.param] | {"threshold": 1} | keys)


@pytest.mark.parametrize(
    ("keys", "leak", "lift"),
    [
        ({}, "1/2", 2),
        ({"tau": 1.5}, "1/3", "3/2"),
        ({"tau": "5/2", "decay_input": False}, "3/5", 1),
        ({"decay": 0.9}, "9/10", 1),
        ({"decay": "1/4"}, "1/4", 1),
        ({"tau": 1000}, "999/1000", 1000),
        ({"neuron": "if"}, 1, 1),
    ],
    ids=str,
)
def test_leaks(make, keys, leak, lift):
    design = make(**keys)
    assert (design.leak, design.lift) == (Fraction(leak), Fraction(lift))
    plain = make(scale=1, **keys)
    assert plain.threshold_exact == plain.threshold * design.lift


def test_defaults(make):
    design = make()
    assert (design.tau, design.decay, design.fires, design.decay_input) == (2, None, "at", True)
    written = design.model_dump(mode="json")
    assert (written["tau"], written["decay"]) == (2, None)
    assert make(tau="3/2").model_dump(mode="json")["tau"] == "3/2"
    assert make(decay=0.9).model_dump(mode="json")["decay"] == "9/10"


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"tau": 1}, f"tau: 1: {TAU}"),
        ({"tau": 1.0001}, f"tau: 1.0001: {TAU}"),
        ({"tau": "1/2"}, f"tau: '1/2': {TAU}"),
        ({"tau": "3/0"}, f"tau: '3/0': {TAU}"),
        ({"tau": True}, f"tau: True: {TAU}"),
        ({"decay": 1}, f"decay: 1: {DECAY}"),
        ({"decay": 0}, f"decay: 0: {DECAY}"),
        ({"decay": 0.12345}, f"decay: 0.12345: {DECAY}"),
        ({"decay": [0.5]}, f"decay: [0.5]: {DECAY}"),
        ({"decay": 0.9, "tau": 2}, f"tau: 2: {BESIDE}"),
        ({"decay": 0.9, "decay_input": False}, f"decay_input: false: {BESIDE}"),
        ({"fires": "over"}, "fires: 'over': must be one of at, above"),
    ],
    ids=str,
)
def test_refused(make, keys, line):
    with pytest.raises(DesignError) as caught:
        make(**keys)
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        ({"tau": 1.5}, []),
        (
            {"tau": 1.5, "threshold": "4/3", "scale": 1, "decay_input": False},
            [f"tau: 3/2 {FLOAT}"],
        ),
        ({"decay": "1/4"}, []),
        ({"decay": "3/4"}, ["decay: 3/4 takes 6 fraction bits in the membrane to be exact"]),
        (
            {"tau": 10},
            ["tau: 10 takes 9 fraction bits or more in the membrane to be exact"],
        ),
        ({"tau": 10, "steps": 1}, []),
        ({"fires": "above"}, []),
        ({"neuron": "if", "decay": 0.5}, ["decay: has no effect with neuron if"]),
    ],
    ids=str,
)
def test_warned(make, keys, lines):
    assert list(make(**keys).warnings) == lines


def test_keys_without_a_neuron():
    design = Design.from_dict(
        KINDS["attention"] | {"neuron": "none", "decay": 0.5, "fires": "above"}
    )
    assert design.warnings == (
        "decay: has no effect with neuron none",
        "fires: has no effect with neuron none",
    )
