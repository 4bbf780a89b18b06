"""The plans of all examples, and of small layers with what these lack.

They are as they were written down, and as formulas have them that are not the plans' own.

``tools/plans.py --write`` writes ``tests/plans.json`` after a change that was meant.
"""

import json
import subprocess
import sys
from math import ceil
from pathlib import Path

import numpy as np
import pytest

from spikeloom.golden.kinds import model
from spikeloom.golden.position.cpg import codes

from .tools import tool

ROOT = Path(__file__).resolve().parent.parent
TOOL = ROOT / "tools" / "plans.py"
plans = tool("plans")

DESIGNS = plans.designs()
WRITTEN = json.loads(plans.FILE.read_text())
PUBLISHED = json.loads((ROOT / "docs" / "results.json").read_text())["points"]
everywhere = pytest.mark.parametrize("name", DESIGNS)


def test_every_example_is_written_down():
    assert list(WRITTEN) == list(DESIGNS)


@everywhere
def test_plan_is_as_written(name):
    assert json.loads(json.dumps(plans.plan(DESIGNS[name]))) == WRITTEN[name]


def test_tool_tells_what_differs():
    def run():
        command = [sys.executable, str(TOOL)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert (run().returncode, plans.text(WRITTEN)) == (0, plans.FILE.read_text())


@everywhere
def test_blocks_follow_from_words_and_bits(name):
    """An EBR holds 256 x 16, 512 x 8, 1024 x 4 or 2048 x 2, an SPRAM 16384 x 16."""
    found = WRITTEN[name]
    ebr = spram = 0
    for memory in found["layout"]["memories"]:
        width, depth = memory["width"], memory["depth"]
        blocks = [ceil(width / (16 >> n)) * ceil(depth / (256 << n)) for n in range(4)]
        single = memory.get("spram", 0)
        assert memory["ebr"] == (0 if single else min(blocks)), memory["name"]
        assert single in (0, ceil(width / 16) * ceil(depth / 16384)), memory["name"]
        ebr, spram = ebr + memory["ebr"], spram + single
    assert (found["ebr"], found["spram"]) == (ebr, spram)
    assert found["spram"] <= 4


@everywhere
def test_sections_make_up_the_beats(name):
    design, beats = DESIGNS[name], WRITTEN[name]["beats"]
    times = {
        "rate-attention": 1,
        "state-space": design.steps,
        "projection": design.steps * design.tokens if design.kind == "projection" else 0,
    }.get(design.kind)
    if design.kind == "network":
        (x,) = beats["in"]["sections"]
        assert beats["in"]["beats"] == design.tokens * x["beats"]
        assert x["beats"] == design.encoder.bits * ceil(design.encoder.inputs / 16)
        span = WRITTEN[name]["numbers"]["logits"]
        numbers = design.readout.outputs * ceil(span["bits"] / 16)
        assert [section["beats"] for section in beats["out"]["sections"]] == [1, numbers]
        assert beats["out"]["beats"] == 1 + numbers
        return
    if design.kind == "residual":
        groups = design.steps * design.tokens * ceil(design.dim / design.beat)
        for way in ("in", "out"):
            assert beats[way]["beats"] == groups * len(beats[way]["planes"])
        return
    if times is None and design.kind in ("attention", "integer-attention", "mask"):
        times = design.heads * design.steps // getattr(design, "chunk", 1)
    elif times is None:
        # Of any other kind: as often on both sides.
        times = beats["out"]["beats"] // sum(one["beats"] for one in beats["out"]["sections"])
    for way in ("in", "out"):
        sections = beats[way]["sections"]
        assert beats[way]["beats"] == times * sum(section["beats"] for section in sections)


BITS = [name for name, design in DESIGNS.items() if design.kind in ("attention", "mask")]


@pytest.mark.parametrize("name", BITS)
def test_beats_of_bits_are_tokens_in_whole_beats(name):
    """For attention on bits and masks: N ceil(d / B) an array, or in state order d ceil(N / B).

    Of k and v M ceil(d / B), where they have a length of their own; c times as many a chunk.
    """
    design, beats = DESIGNS[name], WRITTEN[name]["beats"]
    chunk = getattr(design, "chunk", 1)
    runs, width = design.heads * design.steps // chunk, design.dim // design.heads
    token = chunk * ceil(width / design.beat)
    one = design.tokens * token
    keys = values = (getattr(design, "keys", None) or design.tokens) * token
    if design.kind == "attention" and design.order == "state":
        keys = width * ceil(design.tokens / design.beat)
    count = 1 if design.kind == "attention" else len(model(design).inputs) - 2
    assert beats["in"]["beats"] == runs * (keys + values + count * one)
    if design.kind == "attention" and design.neuron == "none":
        drives = chunk * design.tokens * width
        assert beats["out"]["beats"] == runs * drives * ceil(
            WRITTEN[name]["numbers"]["drive"]["bits"] / design.beat
        )
    else:
        assert beats["out"]["beats"] == runs * one
    for section in beats["in"]["sections"]:
        names = section["name"].split(", ")
        beats_each = {"k": keys, "v": values}.get(section["name"], one)
        assert section["beats"] == beats_each * len(names)


@everywhere
def test_numbers_fit_their_bits(name):
    """Every range that a manifest gives, against the width it gives: no bit is missing or idle."""

    def spans(value):
        if isinstance(value, dict):
            if {"low", "high", "bits", "signed"} <= set(value):
                yield value
            for inner in value.values():
                yield from spans(inner)

    for span in spans(WRITTEN[name]["numbers"]):
        low, high, bits = span["low"], span["high"], span["bits"]
        assert span["signed"] or low >= 0
        least, most = (
            (-(1 << bits - 1), (1 << bits - 1) - 1) if span["signed"] else (0, 2**bits - 1)
        )
        assert least <= low <= high <= most
        assert bits == 1 or low < least >> 1 or high > most >> 1


def test_placed_layers_have_the_planned_blocks():
    """Synthesis and placement counted the same blocks, wherever an example is a published point."""
    same, more = 0, {}
    for point in PUBLISHED.values():
        file = ROOT / str(point["settings"].get("file", ""))
        if file.stem in DESIGNS and "mechanism" in point["family"]:
            planned = WRITTEN[file.stem]
            assert point["cells"].get("spram", 0) == planned["spram"], file
            more[file.stem] = point["cells"].get("ebr", 0) - planned["ebr"]
            same += planned["ebr"] > 0
    # Tables of positions come on top of the memories of attention. The last 16 neurons of CPG-PE
    # are constant over the 128 positions of the other layer, and synthesis drops their block.
    assert {name: extra for name, extra in more.items() if extra} == {
        **{"tiny-32x64-table": 1, "tiny-32x64-shift-grid": 1},
        "tiny-32x64-projection-add": -1,
    }
    assert len(np.unique(codes(128, 64)[:, 48:], axis=0)) == 1
    assert same >= 10


def test_sections_of_two_arrays_are_as_long_as_what_is_in_them():
    """The beats that only k and v fill, and only q: a mask of the first version's sums."""
    design = DESIGNS["tiny-32x64-sdsa"]
    golden = model(design)
    sections = golden.describe()["beats"]["in"]["sections"]
    zeros = {spec.name: np.zeros(spec.shape, dtype=np.uint8) for spec in golden.inputs}
    for names, section in zip((("k", "v"), ("q",)), sections, strict=True):
        filled = golden.pack(zeros | {name: 1 - zeros[name] for name in names})
        assert (filled != 0).sum() == design.heads * design.steps * section["beats"]
