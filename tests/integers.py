"""Layers on small integers for tests: inputs with zeros, ties and both ends, and the comparison."""

import numpy as np

from spikeloom.golden.kinds import model
from spikeloom.hdl.kinds import component
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.cxxrtl import CxxrtlModel
from spikeloom.sim.pysim import run_pysim
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import Stimulus
from spikeloom.sim.verilog import to_rtlil

RATES = (0.7, 0.0, 0.3, 1.0, 0.1)


def inferences(design, rates=RATES):
    """Inferences that differ, so that what is left of one shows in the next."""
    return [draw_spikes(design, rate=rate, seed=n) for n, rate in enumerate(rates)]


def check(design, *, stalls=0.0, seed=0, rates=RATES, compiled=False):
    """Compare RTL and golden model over inferences back to back; give the golden answers."""
    golden = model(design)
    inputs = inferences(design, rates)
    frames = np.stack([golden.pack(arrays) for arrays in inputs])
    stimulus = Stimulus(frames, golden.beats_out, stalls=stalls, seed=seed, patience=20_000)
    if compiled:
        traffic = CxxrtlModel(to_rtlil(AxiStreamTop(design))).run(stimulus)
    else:
        traffic = run_pysim(AxiStreamTop(design), stimulus)
    answers = [golden.answer(arrays) for arrays in inputs]
    for n, (want, frame) in enumerate(zip(answers, traffic.frames, strict=True)):
        wrong = np.argwhere(golden.unpack(frame) != want)
        assert not len(wrong), f"inference {n}, (t, token, channel) = {wrong[0]}: {len(wrong)}"
    assert traffic.busy == sum(component(design).compute_cycles(arrays) for arrays in inputs)
    return answers


def entries(rows, per, planes):
    """List the beats of rows that are kept: those above zero, or the first of a row of zeros."""
    found = []
    for row in rows:
        beats = [row[first : first + per] for first in range(0, len(row), per)]
        kept = [
            (sum(int(value) << planes * n for n, value in enumerate(beat)), place)
            for place, beat in enumerate(beats)
            if any(beat)
        ] or [(0, 0)]
        for bits, place in kept:
            flags = {"single": bits.bit_count() <= 1, "empty": bits == 0}
            found.append({"bits": bits, "place": place, "last": (bits, place) == kept[-1], **flags})
    return found


def value_words(rows, width, per, slices):
    """Lay rows of values out: words by (row, word), and the beats that they are sent in."""
    mask = (1 << width) - 1
    words, beats = {}, []
    for number, row in enumerate(rows):
        for first in range(0, len(row), per):
            part = row[first : first + per]
            beat = sum((int(value) & mask) << width * n for n, value in enumerate(part))
            word, place = divmod(first // per, slices)
            beats.append(beat)
            words[number, word] = words.get((number, word), 0) | beat << width * per * place
    return words, beats
