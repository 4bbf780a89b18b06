"""A program of a network, run word by word in plain Python: no engine, no units, no clock.

Memories hold a word of lanes for each row and each token beside it; attention is asked of whoever
runs it.
"""

from dataclasses import replace

from spikeloom.golden.neuron import NeuronSpec
from spikeloom.hdl.network.words import WIDE_DEST, WIDE_FLAGS

FLAG_NAMES = tuple(WIDE_FLAGS.members)


def signed(value, bits):
    value &= (1 << bits) - 1
    return value - (value >> bits - 1 << bits)


def fits(value, bits):
    """Whether a number with a sign has room in so many bits."""
    return -(1 << bits - 1) <= value < 1 << bits - 1


class Machine:
    """What a program does to spikes: ``memory[t][token][slot]`` is a word of lanes."""

    def __init__(self, plan):
        self.plan, self.design = plan, plan.design
        tokens, steps = self.design.tokens, self.design.steps
        self.memory = [[{} for _ in range(tokens)] for _ in range(steps)]
        self.turned = [[{} for _ in range(tokens)] for _ in range(steps)]
        self.numbers = []

    def word(self, t, n, slot):
        """Read a word; what was never written must not be read."""
        return self.memory[t][n][slot]

    def put(self, t, n, slot, lane, bit):
        words = self.memory[t][n]
        words[slot] = words.get(slot, 0) & ~(1 << lane) | bit << lane

    def load(self, x):
        """Put the integers of a sequence where the encoder reads them, and the places beside."""
        plan, encoder = self.plan, self.design.encoder
        source = plan.tensors["input"]
        given = x if encoder.coding == "steps" else [x] * self.design.steps
        self.length = len(given[0])
        for steps, step in zip(self.memory, given, strict=True):
            for n, token in enumerate(step):
                for slot in range(source.slot, source.end):
                    steps[n][slot] = 0
                for c, value in enumerate(token):
                    for plane in range(encoder.bits):
                        self.place(steps[n], c, plane, int(value) >> plane & 1)
                if encoder.position == "absolute":
                    channel = plan.input_words * 16 + n
                    self.place(steps[n], channel, encoder.position_plane, 1)

    def place(self, words, channel, plane, bit):
        source, lanes = self.plan.tensors["input"], self.plan.lanes
        slot = source.slot + plane * source.slots + channel // lanes
        words[slot] |= bit << channel % lanes

    def run(self, words, attend):
        """Run a program to its end; ``attend`` writes the answer of the attention."""
        sections, plan = self.plan.sections, self.plan
        width, lanes = sections.width, plan.lanes
        at, sums, logit = 0, None, 0

        def take(count):
            nonlocal at
            value = sum(words[at + k] << width * k for k in range(count))
            at += count
            return value

        while True:
            head = words[at]
            flags = {name for name in FLAG_NAMES if head >> WIDE_FLAGS[name].offset & 1}
            if "ends" in flags:
                assert at == len(words) - 1
                return
            if "attends" in flags:
                at += 1
                attend(self)
                continue
            head, weights = take(sections.head), take(sections.weights)
            row, low, high = head >> 16 & 0xFFFF, weights & (1 << lanes) - 1, weights >> lanes
            slot, start = row >> plan.row_bits, row & (1 << plan.row_bits) - 1
            if "first" in flags:
                sums, logit = [[0] * self.design.tokens for _ in self.memory], 0
            factor = 1 if "double" not in flags else 4 if "twice" in flags else 2
            tokens = self.tokens(flags, start)
            logit *= factor
            for t in range(self.design.steps):
                for n in tokens:
                    word = self.word(t, 0 if "stays" in flags else n, slot)
                    part = (word & low).bit_count() * (-1 if "minus_low" in flags else 1)
                    part += 2 * (word & high).bit_count() * (-1 if "minus_high" in flags else 1)
                    sums[t][n] = sums[t][n] * factor + part
                    if "reads_out" not in flags:
                        assert fits(sums[t][n], plan.widths.total)
                    logit += part
            assert "reads_out" not in flags or fits(logit, plan.widths.logit)
            if "last" in flags:
                self.finish(flags, take(sections.parameters), sums, logit)

    def tokens(self, flags, start):
        """Give the tokens of a pass: of those that there are, all or a group."""
        first, count = start * self.plan.at_once, self.design.tokens
        if "group" in flags:
            count = count // self.design.readout.groups
        return range(first, min(first + count, self.length))

    def finish(self, flags, parameters, sums, logit):
        """Fire, or note a number."""
        wide, shift = self.plan.widths, self.design.fraction
        place, lane = parameters & 0xFFFF, parameters >> 16 & 0x3FF
        slot = place & 0xFFF
        sets, clears, turned, gathers = (
            place >> WIDE_DEST[key].offset & 1 for key in ("sets", "clears", "turned", "gathers")
        )
        bias = signed(parameters >> 32, wide.bias)
        theta = parameters >> 32 + wide.bias & (1 << wide.threshold) - 1
        if "reads_out" in flags:
            self.numbers.append(logit + self.length * bias)
            return
        neuron, whole = self.plan.unit, "whole" in flags
        plain = neuron == NeuronSpec("lif", 1, 0, 1, "hard")
        unit = 1 << shift if whole else 1
        for n in range(self.length):
            w = 0
            for t in range(self.design.steps):
                drive = (sums[t][n] << shift) + bias
                a = w + drive
                assert fits(drive, wide.drive)
                assert fits(a + neuron.rise, wide.membrane)
                spike, w = replace(neuron, threshold=theta).step(w, drive)
                if plain:
                    w = 0 if spike else (a // unit >> 1) * unit
                elif whole:
                    w = 0
                if turned:
                    self.turned[t][n][lane] = spike
                elif spike or not (sets or clears):
                    self.put(t, 0 if gathers else n, slot, lane, 0 if clears else spike)
