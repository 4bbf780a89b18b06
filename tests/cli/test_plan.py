"""``spikeloom plan``: what a layer takes, compared with what was built of it."""

import json
from pathlib import Path

import pytest

from spikeloom.cli import main
from spikeloom.design import load_design
from spikeloom.figures.model import load_results
from spikeloom.figures.points import POINTS
from spikeloom.hdl.kinds import asked
from spikeloom.planning import network_cells

from ..tools import example

ROOT = Path(__file__).resolve().parents[2]
RESULTS = load_results(ROOT / "docs" / "results.json").points
NETWORKS = {point.name: point for point in POINTS if point.family == "networks"}


def told(capfd, *arguments):
    assert main(["plan", *map(str, arguments)]) == 0
    return capfd.readouterr()


@pytest.mark.parametrize("name", NETWORKS)
def test_estimate_of_cells_is_near_what_was_packed(name):
    packed = RESULTS[name].cells.logic_cells
    assert abs(network_cells(NETWORKS[name].design()) - packed) < 0.12 * packed


def test_a_network(capfd):
    path = example("tiny-32x64-network")
    layer = asked(load_design(path))
    found = json.loads(told(capfd, path, "--json").out)
    assert found["memories"] == [memory.describe() for memory in layer.memories]
    assert found["compute_cycles"] == layer.compute_cycles()
    (chosen,) = (other for other in found["foldings"] if other["chosen"])
    assert chosen["cycles"] == layer.compute_cycles()
    assert chosen["ebr"] == found["used"]["ebr"] == sum(memory.ebr for memory in layer.memories)
    wide = {(o["folding"]["lanes"], o["folding"]["tokens"]): o for o in found["foldings"]}
    assert wide[64, 4]["short"]["ebr"] == wide[64, 4]["ebr"] - found["available"]["ebr"] > 0
    assert wide[64, 2]["cycles"] < wide[16, 1]["cycles"]
    assert not wide[16, 1]["short"]


def test_a_table(capfd):
    out = told(capfd, example("tiny-32x64-network")).out
    assert "in all" in out
    assert "as it is" in out
    assert "EBR too many" in out


def test_a_layer_has_no_other_foldings(capfd):
    out = told(capfd, example("tiny-32x64")).out
    assert "lanes x tokens" not in out
    assert f"{asked(load_design(example('tiny-32x64'))).compute_cycles():,}" in out


def test_a_folding_that_nobody_set_is_said(capfd, tmp_path):
    path = ROOT / "examples" / "digits" / "network.toml"
    assert main(["generate", str(path), "-o", str(tmp_path)]) == 0
    assert "folding: not set, so lanes 16, tokens 1," in capfd.readouterr().err
    set_ = example("tiny-32x64-network")
    assert main(["generate", str(set_), "-o", str(tmp_path)]) == 0
    assert "folding" not in capfd.readouterr().err
