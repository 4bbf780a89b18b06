"""Networks as hardware: sequences of any length in, numbers out, beside the golden model."""

import numpy as np

from spikeloom.golden.kinds import model
from spikeloom.golden.network import trace
from spikeloom.golden.serial import join, split
from spikeloom.hdl.kinds import asked
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.cxxrtl import CxxrtlModel
from spikeloom.sim.pysim import run_pysim
from spikeloom.sim.traffic import Stimulus, padded
from spikeloom.sim.verilog import to_rtlil

from .draws import draw_input


def sequences(design, lengths, seed=0):
    """Draw a sequence of each length."""
    return [draw_input(design, seed + n, length) for n, length in enumerate(lengths)]


def frame(design, x):
    """Give the beats of a sequence, (n, C) or (T, n, C)."""
    return model(design).pack(arrays_of(design, x))


def arrays_of(design, x):
    """Give the arrays of a sequence, as a whole one and its length."""
    count = x.shape[-2]
    beyond = (*((0, 0),) * (x.ndim - 2), (0, design.tokens - count), (0, 0))
    return {"x": np.pad(x, beyond), "length": np.array(count)}


def compiled(design):
    """Compile the hardware of a network."""
    return CxxrtlModel(to_rtlil(AxiStreamTop(design), design.module), toplevel=design.module)


def send(design, frames, *, machine=None, stalls=0.0, seed=0):
    """Send frames back to back; give the beats of the answers, and the traffic."""
    sent, lengths = padded([split(one, design.beat, design.link) for one in frames])
    words = model(design).beats_out * design.beat // design.link
    stimulus = Stimulus(
        *(sent, words, stalls, seed), patience=20_000, work=200_000, lengths=lengths
    )
    if machine is None:
        traffic = run_pysim(AxiStreamTop(design), stimulus)
    else:
        traffic = machine.run(stimulus)
    return join(traffic.frames, design.beat, design.link), traffic


def check(design, lengths, *, machine=None, stalls=0.0, seed=0):
    """Compare hardware and golden model over sequences of these lengths, back to back."""
    golden = model(design)
    inputs = sequences(design, lengths, seed)
    preamble = list(asked(design).preamble)
    frames = [*preamble, *(frame(design, x) for x in inputs)]
    answers, traffic = send(design, frames, machine=machine, stalls=stalls, seed=seed)
    for beats in answers[: len(preamble)]:
        assert beats.tolist() == [1] + [0] * (golden.beats_out - 1)
    found = [golden.unpack(beats).tolist() for beats in answers[len(preamble) :]]
    want = [trace(design, x).logits.tolist() for x in inputs]
    for n, pair in enumerate(zip(found, want, strict=True)):
        assert pair[0] == pair[1], f"sequence {n} of {lengths[n]} tokens"
    return traffic
