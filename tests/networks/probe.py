"""Looks into a network that is loaded over the stream: spikes of every layer, counted.

The program ends early and reads out a tensor instead, a channel a number, with weights of one at
one lane. So the same hardware says which of its layers is the first that is wrong.
"""

import numpy as np

from spikeloom.golden.network import trace
from spikeloom.hdl.network.program.words import bits_of
from spikeloom.hdl.network.store import load_frame

# The tensor that holds the answer of a layer once it is computed.
_HOLDS = {"project": "x", "expand": "expand", "contract": "x", "attention": "attention"}
# What trace calls what is there then: a branch is seen joined only.
_JOINED = {"project": "x", "contract": "out"}


def layers(design):
    """List the layers in the order in which they are computed, as trace calls what they leave."""
    names = ["encoder"]
    for n in range(design.depth):
        for name in ("query", "key", "value", "attention", "project", "expand", "contract"):
            names.append(f"blocks.{n}.{_JOINED.get(name, name)}")
    return names


def _cuts(plan):
    """Give for each layer the number of words up to its end."""
    at, found = 0, []
    for one in plan.program.passes:
        if one.begins:
            found.append(at)
        at += one.words + plan.sections.parameters * one.flags.get("last", 0)
    # Behind the read-out, which is no layer to look into.
    return found[1:]


def _holder(design, name):
    """Say which tensor a layer leaves, and how many channels it has."""
    if name == "encoder":
        return "x", design.dim, False
    block, name = int(name.split(".")[1]), name.split(".")[2]
    name = {"x": "project", "out": "contract"}.get(name, name)
    channels = design.blocks[block].hidden if name == "expand" else design.dim
    return _HOLDS.get(name, name), channels, name in ("query", "key", "value", "attention")


def program(plan, words, name, first):
    """Assemble a program that computes up to a layer, and counts channels from ``first`` on.

    It is as long as the whole program, with what is never read behind its end.
    """
    design, sections = plan.design, plan.sections
    tensor, channels, headed = _holder(design, name)
    cut = _cuts(plan)[layers(design).index(name)]
    head = design.blocks[0].attention.head_dim
    room = plan.head_words * 16
    made = list(words[:cut])
    mask = (1 << sections.width) - 1

    def write(value, count):
        made.extend(value >> sections.width * k & mask for k in range(count))

    for n in range(design.readout.outputs):
        channel = min(first + n, channels - 1)
        place = channel // head * room + channel % head if headed else channel
        slot, lane = divmod(place, plan.lanes)
        fields = {"begins": 1, "closes": 1, "reads_out": 1}
        if n == 0:
            # The input is given back by the first layer behind the encoder.
            fields |= {"sync": 1, "release": int(name == "encoder")}
        if n == design.readout.outputs - 1:
            fields["final"] = 1
        fields["row"] = plan.tensors[tensor].slot + slot << plan.row_bits
        write(bits_of(sections.layout, fields), sections.head)
        write(1 << lane, sections.weights)
        write(0, sections.parameters)
    write(bits_of(sections.layout, {"ends": 1}), sections.head)
    assert len(made) <= len(words)
    return made + [0] * (len(words) - len(made))


def find_fault(design, plan, words, x, send):
    """Name the first layer whose spikes are not golden's, or none.

    ``words`` is the program in question, ``send`` sends frames and gives answers as numbers.
    """
    golden, outputs = trace(design, x).spikes, design.readout.outputs
    jobs = [
        (name, first)
        for name in layers(design)
        for first in range(0, golden[name].shape[2], outputs)
    ]
    frames = [load_frame(program(plan, words, *job), plan.sections.width) for job in jobs]
    answers = send(frames, x)
    for (name, first), found in zip(jobs, answers, strict=True):
        counts = golden[name].astype(int).sum(axis=(0, 1))[first : first + outputs]
        if not np.array_equal(np.array(found)[: len(counts)], counts):
            return name
    return None
