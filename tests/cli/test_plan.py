"""``spikeloom plan``: what a layer takes, compared with what was built of it."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from spikeloom.cli import main
from spikeloom.design import load_design
from spikeloom.design.write import toml
from spikeloom.figures.model import load_results
from spikeloom.figures.points import POINTS
from spikeloom.hdl.kinds import asked
from spikeloom.planning import foldings, network_cells, smallest

from ..networks.draws import block, draw_arrays, keys
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
    assert abs(network_cells(NETWORKS[name].design()) - packed) < 0.05 * packed


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


def refused(capfd, *arguments):
    assert main(["plan", *map(str, arguments)]) == 2
    said, line = capfd.readouterr()
    assert not said
    return line.rstrip("\n")


def test_a_folding_for_a_rate_can_be_copied(capfd, tmp_path):
    path = example("tiny-32x64-network")
    out = told(capfd, path, "--rate", "500").out
    want = smallest(load_design(path), 500)
    head, _, keys = out.partition("# the smallest folding with 500 inferences a second: ")
    assert head
    numbers, _, keys = keys.partition("cycles\n")
    assert numbers.split()[0] == f"{want.rate:,.0f}"
    assert f"{want.cells:,} LC by estimate" in numbers
    found = tomllib.loads(keys)
    assert found["folding"] == want.json()["folding"]
    assert found["blocks"]["attention"]["folding"] == want.json()["attention"]
    best = json.loads(told(capfd, path, "--rate", "500", "--json").out)["best"]
    assert best == want.json()


def test_the_fastest_in_so_many_cells(capfd):
    path = example("tiny-32x64-network")
    best = json.loads(told(capfd, path, "--cells", "2500", "--json").out)["best"]
    assert best["cells"] <= 2500
    others = [other for other in foldings(load_design(path)) if other.cells <= 2500 and other.fits]
    assert best["interval"] <= min(other.interval for other in others)


def test_a_rate_that_nothing_reaches(capfd):
    path = example("tiny-32x64-network")
    best = json.loads(told(capfd, path, "--cells", "2500", "--json").out)["best"]
    keys, inner = best["folding"], best["attention"]
    line = refused(capfd, path, "--rate", "5000", "--cells", "2500")
    words = ", ".join(f"{key} {value}" for key, value in keys.items())
    assert line == (
        f"spikeloom: {path}: --rate: 5000: must be at most {int(best['rate'])}, "
        f"{1 - best['rate'] / 5000:.0%} less, at 48 MHz: the fastest that fits up5k-sg48 in 2500 "
        f"logic cells has {words}, attention {inner['order']} with rows {inner['rows']}, "
        f"lanes {inner['lanes']}"
    )


def test_requests_that_make_no_sense(capfd):
    layer, network = example("tiny-32x64"), example("tiny-32x64-network")
    assert refused(capfd, layer, "--rate", "1") == (
        "spikeloom: --rate: must go with a network, not with kind attention"
    )
    assert refused(capfd, layer, "--cells", "1") == (
        "spikeloom: --cells: must go with a network, not with kind attention"
    )
    assert refused(capfd, network, "--rate", "0") == (
        "spikeloom plan: argument --rate: must be a number from 0.001 to 1000000000.0, not '0' "
        "(see spikeloom plan --help)"
    )
    assert refused(capfd, network, "--cells", "10") == (
        f"spikeloom: {network}: --cells: 10: must be more: no folding that fits up5k-sg48 has as "
        "few"
    )


def large(tmp_path, **changes):
    """Write a network that is too large for the device."""
    one = block(**{"hidden": 24, "weight_bits": 8, **changes.pop("block", {})})
    data = keys(blocks=[one, one], **{"dim": 32, **changes})
    np.savez(tmp_path / "few.npz", **draw_arrays(data))
    path = tmp_path / "few.toml"
    path.write_text(toml({**data, "weights": "few.npz"}))
    return path


def test_what_would_fit(capfd, tmp_path):
    path = large(tmp_path, target={"device": "hx8k-ct256"})
    out = told(capfd, path).out.splitlines()
    place = next(n for n, line in enumerate(out) if line.startswith("no folding fits hx8k-ct256; "))
    assert "EBR too many" in out[place]
    assert out[place + 1].startswith("would fit with blocks.weight_bits 4: ")
    found = json.loads(told(capfd, path, "--json").out)
    changes = [one["change"] for one in found["proposals"]]
    assert changes == ["blocks.weight_bits 4", "1 block instead of 2"]
    assert not any(one["short"] for one in found["proposals"])


def test_the_other_memory_may_do(capfd, tmp_path):
    out = told(capfd, large(tmp_path)).out.splitlines()
    texts = [line.partition(":")[0] for line in out if line.startswith("would fit with ")]
    assert texts[0] == "would fit with folding.weights spram"


def test_weights_that_are_too_many_for_any_folding(capfd, tmp_path):
    path = large(tmp_path, dim=192, block={"hidden": 512})
    bits = 8 * 2 * (4 * 192 * 192 + 2 * 192 * 512) + 4 * 192 * (5 + 5 + 3)
    first, second = told(capfd, path).out.splitlines()
    assert first == (
        f"no folding fits up5k-sg48; the weights take {bits / 1024:,.0f} kbit, and the largest "
        f"memory has 1,024: {bits / 1024 - 1024:,.0f} kbit too many"
    )
    assert second.startswith("would fit with ")
    found = json.loads(told(capfd, path, "--json").out)
    assert found["weight_bits"] == {"needed": bits, "available": 1 << 20}
    assert not found["proposals"][0]["short"]
