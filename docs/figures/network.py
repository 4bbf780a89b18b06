"""A whole network: the layers of a model, and the machine that computes them."""

from pathlib import Path
from xml.etree.ElementTree import Element

from blocks import Diagram

from spikeloom.design import load_design

__all__ = ["CHIP", "machine", "model"]

CHIP = Path(__file__).parents[2] / "examples" / "vowels_fast" / "chip.toml"
"""The design file of the network that the tutorial builds."""


def model() -> Element:
    """Draw the layers of the network of ``CHIP``, with its shapes."""
    design = load_design(CHIP)
    encoder, block, readout = design.encoder, design.blocks[0], design.readout
    heads, dim = block.attention.heads, design.dim
    ternary = f"{dim} → {dim}"
    d = Diagram(700, 552)
    x = d.box(20, 10, 150, 44, "x", f"n × {encoder.inputs}, {encoder.bits} bits", kind="port")
    position = "" if encoder.position == "none" else ", position"
    first = d.box(20, 86, 150, 44, "encoder", f"{encoder.inputs} → {dim}{position}")
    joins = [d.box(20, y, 150, 36, block.residual, kind="part") for y in (262, 398)]
    last = d.box(20, 470, 150, 44, "read-out", f"{dim} → {readout.outputs}, sum over n")
    d.wire(x.bottom(), first.top())
    d.wire(first.bottom(), joins[0].top(), label="X", at=(80, 222), anchor="end")
    d.wire(joins[0].bottom(), joins[1].top(), label="X'", at=(80, 366), anchor="end")
    d.wire(joins[1].bottom(), last.top(), label="X''", at=(80, 452), anchor="end")
    d.wire(last.bottom(), (95, 546))
    d.text(105, 532, f"{readout.outputs} numbers, the greatest is the answer", anchor="start")
    d.frame(212, 86, 478, 166, f"attention of {heads} heads")
    attention = d.box(392, 154, 120, 44, "attention", f"Q Kᵀ V, {block.attention.similarity}")
    for n, name in enumerate(("query", "key", "value")):
        box = d.box(232, 112 + 46 * n, 110, 36, f"{name} {ternary}", kind="part")
        d.wire((95, 176), (200, 176), (200, box.left()[1]), box.left())
        d.wire(box.right(), (366, box.right()[1]), (366, 176), attention.left())
    project = d.box(560, 154, 110, 44, "project", ternary)
    d.wire(attention.right(), project.left())
    d.wire(project.bottom(), (project.centre[0], 280), joins[0].right())
    d.frame(212, 302, 478, 82, "MLP")
    expand = d.box(232, 326, 110, 44, "expand", f"{dim} → {block.hidden}")
    contract = d.box(392, 326, 120, 44, "contract", f"{block.hidden} → {dim}")
    d.wire((95, 348), expand.left())
    d.wire(expand.right(), contract.left())
    d.wire(contract.bottom(), (contract.centre[0], 416), joins[1].right())
    d.text(530, 348, f"ternary, {design.steps} steps", anchor="start")
    return d.svg


def machine() -> Element:
    """Draw the engine of a network, its memories and its attention layer."""
    d = Diagram(740, 344)
    store = d.box(10, 20, 112, 46, "program", "SPRAM or EBR", kind="memory")
    fetch = d.box(170, 20, 104, 46, "fetch", "reads ahead")
    intake = d.box(170, 140, 104, 46, "intake", "bit by bit")
    units = d.box(
        330, 120, 140, 86, "units", "spikes of a step", "and their counters", kind="memory"
    )
    engine = d.box(540, 130, 112, 66, "engine", "sums, neurons", "of all steps")
    readout = d.box(540, 254, 112, 46, "read-out", "adds up")
    attention = d.box(330, 286, 140, 46, "attention", "a layer of its own")
    d.wire((10, 163), intake.left(), label="beats", at=(112, 152))
    d.wire((66, 163), store.bottom(), kind="thin")
    d.text(76, 112, "to load it", anchor="start", style="label")
    d.wire(store.right(), fetch.left())
    d.wire(fetch.right(0.75), (400, fetch.right(0.75)[1]), units.top())
    d.text(290, 66, "weights", anchor="start", style="label")
    d.wire(fetch.right(0.3), (596, fetch.right(0.3)[1]), engine.top())
    d.text(290, 22, "where to, bias, threshold", anchor="start", style="label")
    d.wire(intake.right(), units.left(), label="input", at=(302, 152))
    d.wire(units.right(0.3), engine.left(0.24), label="counts", at=(505, 136))
    d.wire(engine.left(0.76), (470, engine.left(0.76)[1]), label="spikes", at=(505, 172))
    d.wire(units.bottom(0.3), attention.top(0.3))
    d.text(364, 246, "q, k, v", anchor="end", style="label")
    d.wire(attention.top(0.7), units.bottom(0.7))
    d.text(436, 246, "spikes", anchor="start", style="label")
    d.wire((units.right()[0], 198), (496, 198), (496, 277), readout.left())
    d.text(504, 226, "counts", anchor="start", style="label")
    d.wire(readout.right(), (732, 277), label="numbers")
    return d.svg
