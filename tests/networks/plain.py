"""Whole networks in plain Python: sums one by one, membranes as fractions, tokens that there are.

Positions of attention are those of tests/restated.py.
"""

from fractions import Fraction

from .. import restated


def lif(drives, theta, keys=()):
    """Spikes of one neuron, of the keys of a design: SpikingJelly's LIFNode and IFNode.

    The threshold is in units of the drive. Where the input decays, the membrane is a tau-th of what
    came in, and the real threshold a tau-th of it.
    """
    keys = dict(keys)
    leaky, tau = keys.get("neuron", "lif") == "lif", Fraction(keys.get("tau", 2))
    decays = leaky and "decay" not in keys and keys.get("decay_input", True)
    real = Fraction(theta) / tau if decays else Fraction(theta)
    v, spikes = Fraction(0), []
    for x in drives:
        if not leaky:
            v += x
        elif decays:
            v += (x - v) / tau
        else:
            v = v * (Fraction(keys["decay"]) if "decay" in keys else 1 - 1 / tau) + x
        spikes.append(int(v > real if keys.get("fires") == "above" else v >= real))
        if spikes[-1]:
            v = v - real if keys.get("reset") == "soft" else Fraction(0)
    return spikes


def linear(weight, x):
    """Sums of one vector."""
    return [sum(w * value for w, value in zip(row, x, strict=True)) for row in weight]


def add(one, other):
    """Add two vectors."""
    return [a + b for a, b in zip(one, other, strict=True)]


def around(tokens, columns):
    """What a kernel of 3 x 3 places sees of each token, channel by channel."""
    there = {divmod(n, columns): token for n, token in enumerate(tokens)}
    places = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    nothing = [0] * len(tokens[0])
    return [
        [
            there.get((row + dy, column + dx), nothing)[channel]
            for channel in range(len(nothing))
            for dy, dx in places
        ]
        for row, column in there
    ]


class Network:
    """One network: the keys of its design file, and its arrays as lists."""

    def __init__(self, keys, arrays):
        self.keys, self.steps = keys, keys["steps"]
        self.arrays = {name: array.tolist() for name, array in arrays.items()}
        self.found = {}

    def neurons(self, at, drives, count=1):
        """Spikes [t][n][channel] of drives [t][n][channel]."""
        theta = [count * one for one in self.arrays[f"{at}.threshold"]]
        self.found[at] = out = [[[0] * len(theta) for _ in row] for row in drives]
        for n in range(len(drives[0])):
            for c, th in enumerate(theta):
                for t, spike in enumerate(lif([row[n][c] for row in drives], th, self.keys)):
                    out[t][n][c] = spike
        return out

    def encoder(self, x):
        encoder = self.keys["encoder"]
        membrane = self.keys["blocks"][0].get("residual") == "membrane"
        unit = 2 ** encoder.get("fraction", 0)
        steps = x if encoder.get("coding") == "steps" else [x] * self.steps
        if encoder.get("kind") == "none":
            found = [[[unit * one for one in token] for token in step] for step in steps]
            self.found["encoder"] = found
            return found
        weight, bias = (self.arrays[f"encoder.{name}"] for name in ("weight", "bias"))
        drives = []
        for step in steps:
            rows = []
            for n, token in enumerate(step):
                row = linear(weight, token)
                if encoder.get("position") == "absolute":
                    place = 2 ** encoder.get("position_shift", 0)
                    row = add(row, [place * entry for entry in self.arrays["encoder.position"][n]])
                rows.append(add([unit * one for one in row], bias))
            drives.append(rows)
        if membrane:
            self.found["encoder"] = drives
            return drives
        return self.neurons("encoder", drives)

    def drives(self, at, x):
        weight, bias = self.arrays[f"{at}.weight"], self.arrays[f"{at}.bias"]
        unit = 2 ** self.keys.get("fraction", 4)
        _, n, name = at.split(".")
        grid = self.keys["blocks"][int(n)].get("grid")
        if grid and name in ("query", "key", "value", "project"):
            x = [around(step, grid) for step in x]
        found = [
            [add([unit * a for a in linear(weight, token)], bias) for token in step] for step in x
        ]
        if f"{at}.position" in self.arrays:
            table = self.arrays[f"{at}.position"]
            found = [list(map(add, step, rows)) for step, rows in zip(found, table, strict=False)]
        return found

    def dense(self, at, x):
        return self.neurons(at, self.drives(at, x))

    def score(self, keys, t, head, q, k, i, j):
        """Similarity of a query and a key, and what positions add to it."""
        tokens, names = self.keys["tokens"], keys.get("position", [])
        if "shift" in names:
            groups = keys.get("shift", {}).get("groups", 4)
            amounts = restated.turns(keys, tokens, groups)
            q, k = turn(q, [row[i] for row in amounts]), turn(k, [row[j] for row in amounts])
        if "gray" in names:
            codes = restated.codes(keys, t, tokens, self.steps).tolist()
            q, k = q + codes[i], k + codes[j]
        both = sum(a & b for a, b in zip(q, k, strict=True))
        equal = sum(a == b for a, b in zip(q, k, strict=True))
        alpha = Fraction(restated.each(keys.get("alpha", 0), keys["heads"])[head])
        score = {
            "and": both,
            "xnor": equal,
            "hamming": 2 * equal - len(q),
            "alpha-xnor": both + alpha * (equal - both),
        }[keys.get("similarity", "and")]
        if "log" in names:
            score += int(restated.log_bias(tokens, keys.get("log", {}).get("length", tokens))[i][j])
        if "table" in names:
            rows = keys["table"]["values"]
            row = rows[head % len(rows)]
            xor = keys["table"].get("index") == "xor"
            score += row[i ^ j] if xor else row[i - j + tokens - 1]
        return score

    def attention(self, at, keys, q, k, v):
        count, dim, heads = len(q[0]), self.keys["dim"], keys["heads"]
        width = dim // heads
        drives = [[[0] * dim for _ in range(count)] for _ in q]
        for t in range(self.steps):
            for head in range(heads):
                part = slice(head * width, (head + 1) * width)
                for i in range(count):
                    for j in range(count):
                        s = self.score(keys, t, head, q[t][i][part], k[t][j][part], i, j)
                        for c in range(part.start, part.stop):
                            drives[t][i][c] += Fraction(keys["scale"]) * s * v[t][j][c]
        decays = keys.get("neuron", "lif") == "lif" and keys.get("decay_input", True)
        theta = Fraction(keys["threshold"]) * (Fraction(keys.get("tau", 2)) if decays else 1)
        out = [[[0] * dim for _ in range(count)] for _ in q]
        for i in range(count):
            for c in range(dim):
                for t, spike in enumerate(lif([row[i][c] for row in drives], theta, keys)):
                    out[t][i][c] = spike
        self.found[at] = out
        return out

    def mask(self, at, keys, spikes):
        """Sums of spikes over channels or tokens, their neurons, and what these let pass."""
        kind = keys["attention"]
        counted, passing = spikes["query"], spikes["key"]
        if kind == "sdsa":
            passing, counted = spikes["query"], spikes["key"]
        count, dim = len(passing[0]), self.keys["dim"]
        width = dim // keys["heads"]

        def one(t, n, c):
            return counted[t][n][c] * (spikes["value"][t][n][c] if kind == "sdsa" else 1)

        out = [[[0] * dim for _ in range(count)] for _ in passing]
        for n in range(count):
            for c in range(dim):
                heads = range(c // width * width, c // width * width + width)
                drives = [
                    sum(one(t, n, other) for other in heads)
                    if kind == "qk-token"
                    else sum(one(t, other, c) for other in range(count))
                    for t in range(self.steps)
                ]
                theta = 2 * Fraction(keys.get("threshold", Fraction(1, 2)))
                for t, spike in enumerate(lif(drives, theta, keys)):
                    out[t][n][c] = spike * passing[t][n][c]
        self.found[at] = out
        return out

    def join(self, at, mode, x, z):
        """Join shortcut and branch."""

        def one(a, b):
            if mode in ("add", "membrane"):
                return a + b
            either, both = bool(a or b), bool(a and b)
            return int({"or": either, "xor": either and not both, "iand": a and not b}[mode])

        self.found[at] = [
            [[one(a, b) for a, b in zip(*pair, strict=True)] for pair in zip(*step, strict=True)]
            for step in zip(x, z, strict=True)
        ]
        return self.found[at]

    def attended(self, at, block, x):
        """Query, key and value of spikes, and what the attention makes of them."""
        keys = block["attention"]
        names = ["query", "key"]
        if keys.get("attention", "sdsa") == "sdsa":
            names.append("value")
        found = {name: self.dense(f"{at}.{name}", x) for name in names}
        if keys.get("kind") == "mask":
            return self.mask(f"{at}.attention", keys, found)
        return self.attention(f"{at}.attention", keys, *found.values())

    def block(self, at, block, x):
        """Attention and MLP, each with its residual connection."""
        mode = block.get("residual", "or")
        if mode == "membrane":
            z = self.attended(at, block, self.neurons(f"{at}.input", x))
            x = self.join(f"{at}.x", mode, x, self.drives(f"{at}.project", z))
            z = self.dense(f"{at}.expand", self.neurons(f"{at}.mlp", x))
            return self.join(f"{at}.out", mode, x, self.drives(f"{at}.contract", z))
        z = self.attended(at, block, x)
        x = self.join(f"{at}.x", mode, x, self.dense(f"{at}.project", z))
        z = self.dense(f"{at}.contract", self.dense(f"{at}.expand", x))
        return self.join(f"{at}.out", mode, x, z)

    def logits(self, x):
        """Answer for the tokens that there are."""
        readout, blocks = self.keys["readout"], self.keys["blocks"]
        out = self.encoder(x)
        for n, block in enumerate(blocks):
            out = self.block(f"blocks.{n}", block, out)
        neurons = readout.get("neurons", "tokens")
        if blocks[0].get("residual") != "membrane":
            neurons = "none"
        if neurons == "sum":
            sums = [[[sum(column) for column in zip(*step, strict=True)]] for step in out]
            out = self.neurons("readout", sums, count=len(out[0]))
        elif neurons == "tokens":
            out = self.neurons("readout", out)
        weight, groups = self.arrays["readout.weight"], readout.get("groups", 1)
        sums = [len(out[0]) * bias for bias in self.arrays["readout.bias"]]
        for step in out[-1:] if readout.get("steps") == "last" else out:
            for n, token in enumerate(step):
                group = n * groups // self.keys["tokens"]
                sums = add(sums, linear(weight[group], token))
        return sums


def turn(word, amounts):
    """Turn each group of channels by its own amount."""
    width = len(word) // len(amounts)
    out = list(word)
    for g, amount in enumerate(amounts):
        for c in range(width):
            out[g * width + (c + amount) % width] = word[g * width + c]
    return out
