import tomllib
from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import ValidationError

from spikeloom.boards.devices import DEVICES
from spikeloom.design import Design, DesignError, schema
from spikeloom.design.read import show

from ..tools import SHAPED

ROOT = Path(__file__).resolve().parents[2]
BASE = {"tokens": 32, "dim": 64, "heads": 4, "steps": 4}
KEYS = (
    "name, target, budget, kind, tokens, steps, dim, heads, neuron, tau, decay, fires, "
    "decay_input, reset, threshold, similarity, alpha, alpha_bits, gate, keys, chunk, causal, "
    "window, position, scale, norm, gray, log, shift, table, folding"
)
TAU = 'must be a number above 1, a quotient of integers up to 1000, as 2, 1.5 or "4/3"'
NUMBER = 'must be a number from 1e-6 to 1e6, as 0.125 or "1/8"'
FACTOR = f"{NUMBER}, or the negative of one"
ALPHA = 'must be a number from 0 to 1, as 0.375 or "3/8"'
POSITION = 'must be "none", one of gray, log, shift, table, or a list of these without repeats'
BITS = "must be an integer from 1 to 16, or a list of two with a grid"
GRID = "must be [rows, columns], each from 1 to 4096"


def make(**keys):
    return Design.from_dict(BASE | keys)


def test_defaults():
    design = make()
    assert (design.name, design.similarity, design.position) == ("attention", "and", ())
    assert (design.neuron, design.tau, design.reset) == ("lif", 2, "hard")
    assert (design.threshold, design.scale) == (Fraction(1, 2), Fraction(1, 8))
    assert design.decay_input
    assert (design.order, design.rows, design.lanes, design.beat) == ("score", 1, 16, 8)
    assert (design.target.device, design.target.clock_mhz) == ("up5k-sg48", 48)
    assert design.warnings == ()


def test_derived():
    design = make(
        name="a-b",
        similarity="alpha-xnor",
        alpha=0.3,
        position=["shift", "gray"],
        folding={"order": "auto", "lanes": 4},
        target={"beat": 16},
    )
    assert design.module == "a_b"
    assert design.position == ("gray", "shift")
    assert (design.head_dim, design.code_bits, design.channels) == (16, 5, 21)
    assert (design.shift.group_dim(design), design.lanes, design.log.length_of(design)) == (
        4,
        4,
        32,
    )
    assert (design.kappa, design.score_fraction) == (2, 3)
    assert (design.alpha_exact, design.alpha_error) == (Fraction(1, 4), Fraction(-1, 20))
    assert design.threshold_exact == 64
    assert (design.beats_per_token, design.beats_per_channel) == (1, 2)
    assert design.order == "state"
    assert make(similarity="xnor", folding={"order": "state"}).order == "state"


@pytest.mark.parametrize(
    ("alpha", "bits", "kappa"),
    [(0, 3, 0), (1, 3, 8), ("3/8", 3, 3), (0.3125, 3, 2), (0.4375, 3, 4), (0.1, 8, 26)],
)
def test_alpha_is_rounded_half_to_even(alpha, bits, kappa):
    design = make(similarity="alpha-xnor", alpha=alpha, alpha_bits=bits)
    assert design.kappa == kappa
    assert abs(design.alpha_error) <= Fraction(1, 2 << bits)


def test_numbers_are_read_as_decimals():
    assert make(threshold=0.1).threshold == Fraction(1, 10)
    assert make(threshold=1).threshold == 1
    assert make(scale="0.5/4").scale == Fraction(1, 8)
    assert make(scale=1e-05).scale == Fraction(1, 100000)


def test_immutable_and_hashable():
    design = make(position="table", table={"values": [0] * 63})
    with pytest.raises(ValidationError):
        design.tokens = 3
    with pytest.raises(ValidationError):
        design.folding.rows = 3
    assert len({design, make(position="table", table={"values": [0] * 63}), make()}) == 2


NAMES = (
    "lower-case letters and digits from a letter on, in words with a - between them, "
    "63 characters at most"
)
REFUSED = [
    ({"tokens": 0}, "tokens: 0: must be an integer from 1 to 4096"),
    ({"tokens": True}, "tokens: True: must be an integer from 1 to 4096"),
    ({"tokens": 4.0}, "tokens: 4.0: must be an integer from 1 to 4096"),
    ({"tokens": "4"}, "tokens: '4': must be an integer from 1 to 4096"),
    ({"tokens": 1 << 14000}, "tokens: an integer of 14001 bits: must be an integer from 1 to 4096"),
    ({"steps": 0}, "steps: 0: must be an integer from 1 to 64"),
    ({"dim": 65}, "dim: 65: must be a multiple of heads (4)"),
    ({"dims": 3}, f"dims: 3: unknown key: the keys here are {KEYS}; did you mean 'dim'?"),
    ({3: 4}, f"3: 3: unknown key: the keys here are {KEYS}"),
    (
        {"name": "Tiny"},
        f"name: 'Tiny': must be {NAMES}",
    ),
    (
        {"name": "module"},
        "name: 'module': must be another: it is a word of Verilog or SystemVerilog",
    ),
    ({"similarity": "dot"}, "similarity: 'dot': must be one of and, xnor, alpha-xnor, hamming"),
    ({"similarity": "alpha-xnor"}, "alpha: missing: similarity alpha-xnor needs it, from 0 to 1"),
    ({"alpha": 0.5}, "alpha: '1/2': has a meaning with similarity alpha-xnor only, not and"),
    ({"similarity": "alpha-xnor", "alpha": 1.5}, f"alpha: 1.5: {ALPHA}"),
    ({"similarity": "alpha-xnor", "alpha": -0.1}, f"alpha: -0.1: {ALPHA}"),
    ({"similarity": "alpha-xnor", "alpha": float("nan")}, f"alpha: nan: {ALPHA}"),
    ({"similarity": "alpha-xnor", "alpha": True}, f"alpha: True: {ALPHA}"),
    ({"similarity": "alpha-xnor", "alpha": "1/0"}, f"alpha: '1/0': {ALPHA}"),
    (
        {"similarity": "alpha-xnor", "alpha": 0, "alpha_bits": 9},
        "alpha_bits: 9: must be an integer from 1 to 8",
    ),
    ({"threshold": 0}, f"threshold: 0: {NUMBER}"),
    ({"threshold": "1e9"}, f"threshold: '1e9': {NUMBER}"),
    ({"scale": float("inf")}, f"scale: inf: {FACTOR}"),
    ({"scale": 1e-300}, f"scale: 1e-300: {FACTOR}"),
    ({"scale": []}, f"scale: []: {FACTOR}"),
    ({"tau": 1}, f"tau: 1: {TAU}"),
    ({"tau": 1001}, f"tau: 1001: {TAU}"),
    ({"decay_input": 1}, "decay_input: 1: must be true or false"),
    ({"reset": "none"}, "reset: 'none': must be one of hard, soft"),
    ({"position": "rope"}, f"position: 'rope': {POSITION}"),
    ({"position": ["log", "none"]}, f"position: ['log', 'none']: {POSITION}"),
    ({"position": ["log", "log"]}, f"position: ['log', 'log']: {POSITION}"),
    ({"position": [["log"]]}, f"position: [['log']]: {POSITION}"),
    ({"position": 3}, f"position: 3: {POSITION}"),
    (
        {"position": ["log", "table"]},
        (
            "position: ['log', 'table']: log and table are both an added bias: put their "
            "sum into the table"
        ),
    ),
    ({"gray": {}}, "gray: has a meaning with position gray only"),
    ({"position": "gray", "gray": 3}, "gray: 3: must be a section, [gray]"),
    ({"position": "gray", "gray": {"bits": 0}}, f"gray.bits: 0: {BITS}"),
    (
        {"position": "gray", "gray": {"bits": [3, 4]}},
        "gray.bits: [3, 4]: must be one integer: no grid",
    ),
    ({"position": "gray", "gray": {"bits": [3, 4, 5]}}, f"gray.bits: [3, 4, 5]: {BITS}"),
    (
        {"position": "gray", "gray": {"grid": [5, 6]}},
        "gray.grid: [5, 6]: must hold as many places as there are tokens (32)",
    ),
    ({"position": "gray", "gray": {"grid": 32}}, f"gray.grid: 32: {GRID}"),
    (
        {"position": "gray", "gray": {"grid": [4, 8], "bits": 5}},
        "gray.bits: 5: must be a list of two beside a grid",
    ),
    (
        {"position": "gray", "gray": {"grid": [4, 8], "index": "t*L+l"}},
        "gray.index: 't*L+l': must be 'l' beside a grid",
    ),
    ({"position": "gray", "gray": {"index": "t"}}, "gray.index: 't': must be one of l, t*L+l"),
    (
        {"position": "log", "log": {"length": 0}},
        "log.length: 0: must be an integer from 1 to 65536",
    ),
    (
        {"position": "log", "log": {"length": 31, "definition": "code"}},
        (
            "log.length: 31: must be at least tokens (32): the published code has a matrix "
            "of length rows and nothing beyond it"
        ),
    ),
    (
        {"position": "log", "log": {"form": "logic", "definition": "code"}},
        (
            "log.form: 'logic': must be 'rom': the matrix of the published code is not a "
            "set of thresholds"
        ),
    ),
    (
        {"position": "shift", "shift": {"groups": 3}},
        "shift.groups: 3: must divide the channels of a head (16)",
    ),
    (
        {"position": "shift", "shift": {"base": 0}},
        'shift.base: 0: must be a number from 2^-20 to 2^20, as 64 or "3/2"',
    ),
    (
        {"position": "shift", "shift": {"values": [[1] * 32] * 3}},
        "shift.values: 3 x 32 integers: must hold groups x tokens (4 x 32) integers",
    ),
    (
        {"position": "shift", "shift": {"values": [[1] * 32] * 4, "base": 64}},
        "shift.base: 64: must not stand beside shift.values, which replaces the formula",
    ),
    ({"position": "table"}, "table: missing: position table needs table.file or table.values"),
    (
        {"position": "table", "table": {"values": [1, 2]}},
        "table.values: 2 entries: must hold 63 entries (2*tokens-1) with index difference",
    ),
    (
        {"position": "table", "table": {"values": [1] * 31, "index": "xor"}},
        (
            "table.values: 31 entries: must hold 32 entries (tokens to the next power of "
            "two) with index xor"
        ),
    ),
    (
        {"position": "table", "table": {"values": [[1] * 63] * 3}},
        "table.values: 3 lists: must be one list of integers, or one a head (4)",
    ),
    (
        {"position": "table", "table": {"values": [1] * 62 + [8], "bits": 4}},
        "table.values: 8: must be an integer from -8 to 7 (table.bits = 4)",
    ),
    (
        {"position": "table", "table": {"values": [0.5]}},
        "table.values: 0.5: must be a 32-bit integer",
    ),
    (
        {"position": "table", "table": {"values": [True]}},
        "table.values: True: must be a 32-bit integer",
    ),
    (
        {"position": "table", "table": {"values": []}},
        "table.values: []: must be a list of integers",
    ),
    (
        {"position": "table", "table": {"values": [[1], 2]}},
        "table.values: 2: must be a list of integers",
    ),
    (
        {"position": "table", "table": {"file": "no.npy"}},
        "table.file: 'no.npy': must be a file that can be read (No such file or directory)",
    ),
    (
        {"position": "table", "table": {"file": "no.txt"}},
        "table.file: 'no.txt': must be the name of a .npy file",
    ),
    (
        {"position": "table", "table": {"file": "a\0.npy"}},
        "table.file: 'a\\x00.npy': must be the name of a .npy file",
    ),
    ({"position": "table", "table": {"file": 3}}, "table.file: 3: must be the name of a .npy file"),
    (
        {"position": "table", "table": {"file": "no.npy", "values": [1]}},
        "table.file: 'no.npy': must not stand beside values",
    ),
    (
        {"folding": {"lanes": 5}},
        (
            "folding.lanes: 5: must be at most dim/heads (16), and equal to it, a divisor "
            "of the beat (8) or a multiple of the beat"
        ),
    ),
    (
        {"folding": {"lanes": 32}},
        (
            "folding.lanes: 32: must be at most dim/heads (16), and equal to it, a divisor "
            "of the beat (8) or a multiple of the beat"
        ),
    ),
    ({"folding": {"rows": 33}}, "folding.rows: 33: must be an integer from 1 to tokens (32)"),
    (
        {"folding": {"rows": 2, "order": "state"}},
        "folding.rows: 2: rows of scores do not exist in state order: must be 1",
    ),
    ({"folding": {"buffers": 3}}, "folding.buffers: 3: must be one of auto, 1, 2"),
    (
        {"folding": {"order": "state"}, "position": "table", "table": {"values": [0] * 63}},
        (
            "folding.order: 'state': must be 'score': a bias that is an arbitrary matrix "
            "over the pairs of tokens is not a function of the state"
        ),
    ),
    ({"target": {"beat": 3}}, "target.beat: 3: must be one of 1, 2, 4, 8, 16, 32, 64"),
    (
        {"target": {"clock_mhz": float("nan")}},
        "target.clock_mhz: nan: must be a number above 0 and at most 1000",
    ),
    (
        {"target": {"clock_mhz": 0}},
        "target.clock_mhz: 0: must be a number above 0 and at most 1000",
    ),
    (
        {"target": {"device": "ecp5"}},
        "target.device: 'ecp5': must be one of " + ", ".join(DEVICES),
    ),
    ({"target": {"device": 5}}, "target.device: 5: must be a string"),
    ({"target": [1]}, "target: [1]: must be a section, [target]"),
    ({"budget": {"cells": 0}}, "budget.cells: 0: must be an integer from 1 to 1000000000"),
    (
        {"budget": {"luts": 1}},
        "budget.luts: 1: unknown key: the keys here are cells, clock_mhz, cycles",
    ),
    (
        {"budget": {"a\nb": 1}},
        "budget.'a\\nb': 1: unknown key: the keys here are cells, clock_mhz, cycles",
    ),
]


@pytest.mark.parametrize(("keys", "line"), REFUSED, ids=[line[:40] for _, line in REFUSED])
def test_refused(keys, line):
    with pytest.raises(DesignError) as caught:
        Design.from_dict(BASE | keys)
    assert str(caught.value) == line


@pytest.mark.parametrize("key", BASE)
def test_missing(key):
    data = {name: value for name, value in BASE.items() if name != key}
    with pytest.raises(DesignError, match=rf"^{key}: missing: an integer from 1 to \d+$"):
        Design.from_dict(data)


@pytest.mark.parametrize("data", [None, 3, [], "tokens"])
def test_not_a_dictionary(data):
    with pytest.raises(DesignError, match="must be a dictionary of keys and values$"):
        Design.from_dict(data)


WARNED = [
    ({"position": "gray"}, "position: gray with and adds popcount"),
    ({"position": "log"}, "position: log with and is advised against"),
    (
        {"position": "gray", "similarity": "hamming"},
        "position: gray with hamming is in no published",
    ),
    ({"position": "log", "similarity": "hamming"}, "position: log with hamming is in no published"),
    ({"similarity": "alpha-xnor", "alpha": 0.3}, "alpha: 0.3 is rounded to 2/8, an error of -0.05"),
    ({"similarity": "alpha-xnor", "alpha": 0}, "alpha: zero is the similarity and"),
    ({"similarity": "alpha-xnor", "alpha": 1}, "alpha: one is the similarity xnor"),
    (
        {"similarity": "xnor", "position": "gray", "gray": {"bits": 4}},
        "gray.bits: 4 bits have 16 codes for 32 positions",
    ),
    (
        {"similarity": "xnor", "position": "gray", "gray": {"bits": 6, "index": "t*L+l"}},
        "gray.bits: 6 bits have 64 codes for 128",
    ),
    (
        {"similarity": "xnor", "position": "gray", "gray": {"grid": [4, 8], "bits": [2, 2]}},
        "gray.bits: 2 bits have 4 codes for 8",
    ),
    (
        {"similarity": "xnor", "position": "log", "log": {"length": 20}},
        "log.length: 20 is less than tokens (32)",
    ),
    (
        {"similarity": "xnor", "position": "log", "tokens": 2},
        "log.length: every bias is zero at length 2",
    ),
    ({"position": "shift", "shift": {"groups": 16}}, "shift.groups: groups of one channel"),
    (
        {"reset": "soft", "scale": 0.3},
        "reset: soft, with a threshold of 3.33333 in units of the drive",
    ),
    ({"tau": 4}, "tau: 4 takes 6 fraction bits in the membrane"),
    ({"neuron": "if", "tau": 2}, "tau: has no effect with neuron if"),
    ({"neuron": "none", "reset": "hard"}, "reset: has no effect with neuron none"),
]


@pytest.mark.parametrize(("keys", "start"), WARNED, ids=[start[:40] for _, start in WARNED])
def test_warned(keys, start):
    (warning,) = make(**keys).warnings
    assert warning.startswith(start)
    assert "\n" not in warning


@pytest.mark.parametrize(
    "keys",
    [
        {"similarity": "xnor", "position": ["gray", "log", "shift"]},
        {"reset": "soft", "threshold": "33/64", "scale": 1},
        {"scale": 0.017986},
        {"similarity": "xnor", "position": "gray", "gray": {"index": "t*L+l"}},
        {"similarity": "xnor", "position": "log", "tokens": 3, "log": {"length": 4}},
    ],
)
def test_not_warned(keys):
    assert make(**keys).warnings == ()


@pytest.mark.parametrize(
    "value", ["a" * 99, {"a": "\n" * 50}, 10**5000, [10**5000]], ids=["str", "dict", "int", "list"]
)
def test_values_are_shown_on_one_short_line(value):
    assert len(show(value)) <= 60
    assert "\n" not in show(value)


def test_schema_agrees_with_the_reader():
    validator = pytest.importorskip(
        "jsonschema", reason="jsonschema checks the published schema"
    ).Draft202012Validator(schema())
    validator.check_schema(schema())
    for path in SHAPED:
        assert validator.is_valid(tomllib.loads(path.read_text()))
    # NaN is no JSON, 4.0 is an integer there, and what spans several keys is the reader's.
    beyond = [{"tokens": 4.0}, {"name": "module"}, {"similarity": "alpha-xnor"}]
    for key in ("tokens", "name", "similarity", "threshold", "tau", "reset", "target", "budget"):
        for keys, _ in REFUSED:
            if list(keys) == [key] and "nan" not in show(keys) and keys not in beyond:
                assert not validator.is_valid(BASE | keys), keys
