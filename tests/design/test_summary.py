"""What designs of every kind say of themselves, at the head of a report."""

import re
from types import SimpleNamespace

import pytest

from spikeloom.design import Design, load_design
from spikeloom.kinds import KINDS
from spikeloom.report.tables import tables

from ..report.makers import make
from ..tools import ROOT, example

SHAPE = {"tokens": 3, "dim": 8, "heads": 2, "steps": 4}
WORDS = {
    "tiny-32x64-xnor-shift-gray": {
        "layer": "32 tokens x 64 dims, 4 heads, 4 time steps",
        "mechanisms": "similarity xnor, position gray + shift, neuron lif",
        "folding": "score order, rows 1, lanes as the head",
    },
    "tiny-32x64-sdsa": {
        "layer": "32 tokens x 64 dims, 4 heads, 4 time steps",
        "mechanisms": "mask sdsa, neuron lif, hard reset",
    },
    "tiny-32x64-projection": {
        "layer": "32 tokens, 12 inputs and 10 of CPG-PE to 64 outputs, 4 time steps",
        "mechanisms": "inputs 0 to 1, weights of 8 bits, neuron lif",
        "folding": "lanes 8",
    },
    "tiny-32x64-projection-add": {
        "layer": "32 tokens, 64 inputs to 64 outputs, 4 time steps",
        "mechanisms": "inputs 0 to 1, CPG-PE added, weights of 8 bits, neuron lif",
        "folding": "lanes 8",
    },
    "tiny-32x64-residual-xor": {
        "layer": "32 tokens x 64 dims, 4 time steps",
        "mechanisms": "residual 0 to 1 xor 0 to 1",
    },
    "tiny-32x64-network": {},
    "tiny-32x64-rate-attention": {},
    "tiny-32x64-state-space": {},
}


@pytest.mark.parametrize("name", WORDS)
def test_example(name):
    found = load_design(example(name)).summary
    assert found
    assert not WORDS[name] or dict(found) == WORDS[name]
    assert all(words and "None" not in words for row in found for words in row)


@pytest.mark.parametrize(
    ("keys", "v"),
    [({}, "to 4"), ({"v_max": 9}, "to 9"), ({"v_bits": 5}, "of 5 bits, signed")],
)
def test_integers_without_a_key_have_their_default(keys, v):
    design = Design.from_dict({"kind": "integer-attention", **SHAPE, **keys, "divisor": 3})
    assert dict(design.summary)["integers"] == f"q to 4, k to 4, v {v}, over 3"


def test_kind_without_words_of_its_own_says_its_name():
    words = Design.summary.fget(SimpleNamespace(kind="mine", steps=3))
    assert words == (("layer", "mine, 3 time steps"),)


def test_reports_know_no_kind():
    named = re.compile(rf"[\"']({'|'.join(KINDS)})[\"']")
    sources = (ROOT / "spikeloom" / "report").rglob("*.py")
    assert not [path.name for path in sources if named.search(path.read_text(encoding="utf-8"))]


def test_report_shows_what_the_design_says():
    rows = tables(make(layer=[["layer", "of clay"], ["glaze", "blue"]]))[0].rows
    assert [row.cells[:2] for row in rows[:3]] == [
        ("layer", "of clay"),
        ("glaze", "blue"),
        ("device", "up5k-sg48"),
    ]
