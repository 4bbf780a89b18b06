"""A program of a network, run word by word in plain Python: no engine, no units, no clock.

Memories hold a word of lanes for each row and each token beside it; attention is asked of whoever
runs it.
"""

from dataclasses import replace

from spikeloom.golden.neuron import NeuronSpec

# Bits of a header, low first; those from whole on where the network uses them.
FLAGS = (
    *("attends", "ends", "sync", "begins", "closes", "moves", "moves2", "top_low", "top_high"),
    *("rest", "final", "whole", "reads_out", "release", "group"),
    *("sets", "clears", "turned", "gathers", "stays", "spread"),
)
COUNTS = ("row", "slots", "digits", "outputs", "place")


def flag_names(plan):
    """Names of the flags in the headers of a network.

    spread says how the engine goes through rows, and nothing of what it adds up.
    """
    used = plan.sections.layout.members
    return [name for n, name in enumerate(FLAGS) if n < FLAGS.index("whole") or name in used]


def parts(plan, words):
    """Take a program apart: headers, each with the weights and parameters behind it.

    Gives (header, passes), a pass as (slots from the first on, digit, weights, parameters or None).
    """
    sections, lanes = plan.sections, plan.planes * plan.lanes
    width, at = sections.width, 0
    names = flag_names(plan)
    sizes = {name: plan.sections.layout.members[name] for name in COUNTS}

    def take(bits):
        nonlocal at
        count = -(-bits // width)
        value = sum(words[at + k] << width * k for k in range(count))
        at += count
        return value

    while True:
        begin, value = at, take(len(names) + sum(sizes.values()))
        header = {name: value >> n & 1 for n, name in enumerate(names)}
        header["moves"] += 2 * header["moves2"]
        value >>= len(names)
        for name, size in sizes.items():
            header[name], value = value & (1 << size) - 1, value >> size
        header["at"], found = begin, []
        if not header["attends"] | header["ends"]:
            for _ in range(header["outputs"] + 1):
                for digit in range(header["digits"] + 1):
                    for slot in range(header["slots"] + 1):
                        weights = take(lanes)
                        closes = header["closes"] and (digit, slot) == (
                            header["digits"],
                            header["slots"],
                        )
                        bits = plan.widths.bias + plan.widths.threshold
                        found.append((slot, digit, weights, take(bits) if closes else None))
        yield header, found
        if header["ends"]:
            assert at == len(words)
            return


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
        self.final = False

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
        at = plan.encoding
        for steps, step in zip(self.memory, given, strict=True):
            for n, token in enumerate(step):
                for slot in range(source.slot, source.end):
                    steps[n][slot] = 0
                for c, value in enumerate(token):
                    for plane in range(encoder.bits):
                        column = at.offset + plane * at.stride
                        self.place(steps[n], 16 * column + c, int(value) >> plane & 1)
                if encoder.position == "absolute":
                    column = at.offset + (encoder.bits - 1) * at.stride + at.words
                    self.place(steps[n], 16 * column + n, 1)

    def place(self, words, lane, bit):
        source, lanes = self.plan.tensors["input"], self.plan.lanes
        words[source.slot + lane // lanes] |= bit << lane % lanes

    def run(self, words, attend):
        """Run a program to its end; ``attend`` writes the answer of the attention."""
        plan = self.plan
        lanes, sums, logit, dest = plan.lanes, None, 0, {}
        for header, passes in parts(plan, words):
            flags = {name for name in header if header[name] and name not in COUNTS}
            if "attends" in flags:
                attend(self)
            if "sync" in flags:
                dest = {"place": header["place"], **{n: n in flags for n in flag_names(plan)}}
            for n, (slot, digit, weights, parameters) in enumerate(passes):
                low, high = weights & (1 << lanes) - 1, weights >> lanes
                at = (header["row"] >> plan.row_bits) + slot
                start = header["row"] & (1 << plan.row_bits) - 1
                moves = plan.planes * (slot == 0)
                if digit == slot == 0:
                    moves = header["moves"]
                    if "begins" in flags:
                        sums, logit = [[0] * self.design.tokens for _ in self.memory], 0
                minus = ("top_low", "top_high") if digit == 0 else ("rest", "rest")
                signs = [-1 if name in flags else 1 for name in minus]
                logit <<= moves
                for t in range(self.design.steps):
                    for token in self.tokens(flags, start):
                        word = self.word(t, 0 if "stays" in flags else token, at)
                        part = signs[0] * (word & low).bit_count()
                        part += signs[1] * 2 * (word & high).bit_count()
                        sums[t][token] = (sums[t][token] << moves) + part
                        if "reads_out" not in flags:
                            assert fits(sums[t][token], plan.widths.total)
                        logit += part
                assert "reads_out" not in flags or fits(logit, plan.widths.logit)
                if parameters is not None:
                    final = n == len(passes) - 1 and "final" in flags
                    assert not (self.final and "reads_out" in flags)
                    self.finish(flags, dest, parameters, sums, logit)
                    self.final = final
                    dest["place"] += 1
        assert self.final

    def tokens(self, flags, start):
        """Give the tokens of a pass: of those that there are, all or a group."""
        first, count = start * self.plan.at_once, self.design.tokens
        if "group" in flags:
            count = count // self.design.readout.groups
        return range(first, min(first + count, self.length))

    def finish(self, flags, dest, parameters, sums, logit):
        """Fire, or note a number."""
        wide, shift = self.plan.widths, self.design.fraction
        slot, lane = divmod(dest["place"], self.plan.lanes)
        sets, clears, turned, gathers = (
            dest.get(key, 0) for key in ("sets", "clears", "turned", "gathers")
        )
        bias = signed(parameters, wide.bias)
        theta = parameters >> wide.bias & (1 << wide.threshold) - 1
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
                    self.turned[t][n][dest["place"]] = spike
                elif spike or not (sets or clears):
                    self.put(t, 0 if gathers else n, slot, lane, 0 if clears else spike)
