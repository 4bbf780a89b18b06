"""The cells that the page of the masks names are those that synthesis and packing give."""

import re
from pathlib import Path

import pytest

from spikeloom.boards.devices import DEVICES
from spikeloom.boards.ice40 import synthesize
from spikeloom.boards.place import pack
from spikeloom.design import load_design
from spikeloom.design.mask import MaskDesign
from spikeloom.hdl.mask.layer import MaskLayer
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.verilog import to_rtlil

from ..tools import example

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cores" / "mask.rst").read_text(encoding="utf-8")
NEURONS = {
    "as published": {},
    "threshold 1": {"threshold": 1},
    "threshold 4": {"threshold": 4},
    "soft reset": {"reset": "soft"},
}
ROWS = re.findall(
    r"^``(\S+)`` +(as published|threshold [14]|soft reset) +(\d+) +(\d+) +[\d.]+ +(\d+)$",
    PAGE,
    re.M,
)


def used(design, folder):
    source = folder / "layer.il"
    source.write_text(to_rtlil(AxiStreamTop(design), design.module), encoding="utf-8")
    device = DEVICES[design.target.device]
    found = pack(synthesize(source, design.module, device=device), device).used
    return found.logic_cells, found.ebr


def test_every_attention_and_neuron_is_in_the_table():
    assert len({row[:2] for row in ROWS}) == len(ROWS) == 12


@pytest.mark.synth
@pytest.mark.parametrize("row", ROWS, ids=lambda row: "/".join(row[:2]))
def test_cells_are_those_of_the_page(row, tmp_path):
    attention, neuron, cells, ebr, cycles = row
    design = load_design(example(f"tiny-32x64-{attention}"))
    design = MaskDesign.from_dict(design.model_dump(exclude_unset=True) | NEURONS[neuron])
    assert used(design, tmp_path) == (int(cells), int(ebr))
    assert MaskLayer(design).compute_cycles() == int(cycles) * design.steps


@pytest.mark.synth
def test_cells_of_qkformer(tmp_path):
    design = load_design(example("qkformer-256x192"))
    (cells,) = re.findall(r"qkformer-256x192\.toml``\) takes (\d+) logic cells, no memory", PAGE)
    assert used(design, tmp_path) == (int(cells), 0)
    assert MaskLayer(design).compute_cycles() == 12288 * design.steps
