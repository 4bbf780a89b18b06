"""The network of the tutorial on its device: memories, cycles and spikes of recorded speech."""

from collections.abc import Mapping
from functools import cache
from xml.etree.ElementTree import Element

import numpy as np
from blocks import Box, Diagram
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter
from network import CHIP
from numpy.typing import NDArray
from plots import FIRST, INK, SECOND, plot, svg

from spikeloom.design import load_design
from spikeloom.design.network.design import NetworkDesign
from spikeloom.golden.network.formula import trace
from spikeloom.hdl.kinds import unused
from spikeloom.hdl.network.layer import NetworkLayer

__all__ = ["cycles", "memory_map", "raster", "spikes"]

_UTTERANCES = 60
"""Utterances of the test set from which rates are taken."""

_EBR_BITS, _SPRAM_BITS = 4096, 262144
_ROW, _TILE = 27, 46
_LEFT, _BLOCKS, _ABOUT = 110, 200, 490

_HOLDS = {
    "program": "weights, thresholds, what to do",
    "spikes": "spikes of a step",
    "sums": "sums between passes",
    "keys": "k, channel by channel",
    "chunks": "attention: k and q",
    "v": "attention: v",
    "o": "attention: answer",
    "state": "attention: Kᵀ V",
    "membrane": "attention: membranes",
}


@cache
def _layer() -> tuple[NetworkDesign, NetworkLayer]:
    """Make the network once for all drawings."""
    design = load_design(CHIP)
    assert isinstance(design, NetworkDesign)
    return design, unused(NetworkLayer(design))


@cache
def _test() -> Mapping[str, NDArray[np.int64]]:
    """Read the test set."""
    with np.load(CHIP.with_name("network-test.npz")) as file:
        return dict(file)


def memory_map() -> Element:
    """Draw every memory, and how far it fills the blocks that it takes."""
    _, layer = _layer()
    d = Diagram(720, _ROW * len(layer.memories) + 44)
    for n, shape in enumerate(layer.memories):
        y = 10 + n * _ROW
        middle = y + _ROW / 2 - 3
        d.text(_LEFT - 12, middle, shape.name, anchor="end", style="name")
        about = next(text for name, text in _HOLDS.items() if shape.name.startswith(name))
        d.text(_LEFT, middle, f"{shape.depth:,} × {shape.width}", anchor="start")
        blocks, bits = (shape.spram, _SPRAM_BITS) if shape.spram else (shape.ebr, _EBR_BITS)
        fill = shape.depth * shape.width / (blocks * bits)
        for k in range(blocks):
            box = Box(_BLOCKS + k * (_TILE + 4), y, _TILE, _ROW - 7)
            d.shape(box, "room")
            d.shape(Box(box.x, box.y, box.width * fill, box.height), "memory")
        takes = f"{blocks} {'SPRAM' if shape.spram else 'EBR'}"
        d.text(_ABOUT - 70, middle, takes, anchor="start")
        d.text(_ABOUT, middle, about, anchor="start")
    ebr, spram = (sum(getattr(m, kind) for m in layer.memories) for kind in ("ebr", "spram"))
    d.text(
        _LEFT, d.height - 14, f"{ebr} EBR of 30, {spram} SPRAM of 4", anchor="start", style="name"
    )
    return d.svg


def cycles() -> Element:
    """Plot when each layer begins and ends, for the first utterance of the test set."""
    _, layer = _layer()
    test = _test()
    stages = layer.stages({"x": test["x"][0], "length": test["length"][0]})
    with plot(720, 300) as (figure, (axes,)):
        for row, (name, begin, end) in enumerate(stages):
            colour = FIRST if name.endswith("attention") else SECOND
            axes.barh(row, end - begin, left=begin, color=colour, height=0.62)
            axes.text(end + 120, row, f"{end - begin:,}", va="center", fontsize=10, color=INK)
        _names(axes, [name for name, _, _ in stages])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set(xlim=(0, stages[-1][2] * 1.08))
        axes.set_xlabel(f"cycles since the last of {int(test['length'][0])} tokens came in")
        return svg(figure)


def spikes() -> Element:
    """Plot how many channels of every layer fire, over utterances of the test set."""
    design, _ = _layer()
    test = _test()
    found: dict[str, list[float]] = {}
    for x, length in list(zip(test["x"], test["length"], strict=True))[:_UTTERANCES]:
        for name, fired in trace(design, x[:length]).spikes.items():
            found.setdefault(name, []).append(fired.mean())
    with plot(720, 310) as (figure, (axes,)):
        for row, rates in enumerate(found.values()):
            mean = np.mean(rates)
            axes.barh(row, mean, color=SECOND, height=0.62)
            axes.plot((min(rates), max(rates)), (row, row), color=INK, linewidth=1)
            axes.text(max(rates) + 0.008, row, f"{mean:.0%}", va="center", fontsize=10, color=INK)
        _names(axes, list(found))
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.set(xlim=(0, 0.7), xlabel="channels that fire in a step of a token")
        return svg(figure)


def raster() -> Element:
    """Draw the spikes of some layers in the first step of the first utterance."""
    design, _ = _layer()
    test = _test()
    found = trace(design, test["x"][0][: test["length"][0]]).spikes
    names = ("encoder", *(f"blocks.0.{n}" for n in ("query", "key", "value", "attention", "out")))
    d = Diagram(730, 236)
    for n, name in enumerate(names):
        box = Box(14 + n * 119, 30, 107, 176)
        short = name.rpartition(".")[2]
        d.grid(box, found[name][0].T.tolist(), f"{short}: spikes of {design.dim} channels")
        d.text(box.centre[0], 14, short, style="name")
    d.text(14, 222, f"tokens to the right, {design.dim} channels downwards", anchor="start")
    return d.svg


def _names(axes: Axes, names: list[str]) -> None:
    """Write the names of layers downwards."""
    axes.set_yticks(range(len(names)), [name.rpartition(".")[2] for name in names])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
