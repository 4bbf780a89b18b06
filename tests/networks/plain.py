"""Whole networks in plain Python: sums one by one, membranes as fractions, tokens that there are.

Positions of attention are those of tests/restated.py.
"""

from fractions import Fraction

from .. import restated


def lif(drives, theta):
    """Spikes of one neuron, with tau 2, decaying input and a hard reset: SpikingJelly's LIFNode.

    Integers say when twice the membrane reaches an integer, so the real threshold is half of it.
    """
    v, spikes = Fraction(0), []
    for x in drives:
        v += (x - v) / 2
        spikes.append(int(v >= Fraction(theta) / 2))
        if spikes[-1]:
            v = Fraction(0)
    return spikes


def linear(weight, x):
    """Sums of one vector."""
    return [sum(w * value for w, value in zip(row, x, strict=True)) for row in weight]


def add(one, other):
    """Add two vectors."""
    return [a + b for a, b in zip(one, other, strict=True)]


class Network:
    """One network: the keys of its design file, and its arrays as lists."""

    def __init__(self, keys, arrays):
        self.keys, self.steps = keys, keys["steps"]
        self.arrays = {name: array.tolist() for name, array in arrays.items()}
        self.found = {}

    def neurons(self, at, drives):
        """Spikes [t][n][channel] of drives [t][n][channel]."""
        theta = self.arrays[f"{at}.threshold"]
        self.found[at] = out = [[[0] * len(theta) for _ in row] for row in drives]
        for n in range(len(drives[0])):
            for c, th in enumerate(theta):
                for t, spike in enumerate(lif([row[n][c] for row in drives], th)):
                    out[t][n][c] = spike
        return out

    def encoder(self, x):
        encoder = self.keys["encoder"]
        weight, bias = (self.arrays[f"encoder.{name}"] for name in ("weight", "bias"))
        rows = []
        for n, token in enumerate(x):
            row = add(linear(weight, token), bias)
            if encoder.get("position") == "absolute":
                unit = 2 ** encoder.get("position_shift", 0)
                row = add(row, [unit * entry for entry in self.arrays["encoder.position"][n]])
            rows.append(row)
        return self.neurons("encoder", [rows] * self.steps)

    def dense(self, at, x):
        weight, bias = self.arrays[f"{at}.weight"], self.arrays[f"{at}.bias"]
        unit = 2 ** self.keys.get("fraction", 4)
        drives = [
            [add([unit * a for a in linear(weight, token)], bias) for token in step] for step in x
        ]
        return self.neurons(at, drives)

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
        theta = 2 * Fraction(keys["threshold"])
        out = [[[0] * dim for _ in range(count)] for _ in q]
        for i in range(count):
            for c in range(dim):
                for t, spike in enumerate(lif([row[i][c] for row in drives], theta)):
                    out[t][i][c] = spike
        self.found[at] = out
        return out

    def join(self, at, mode, x, z):
        """Join shortcut and branch."""

        def one(a, b):
            return int(bool(a or b)) if mode == "or" else int(bool(a and not b))

        self.found[at] = [
            [[one(a, b) for a, b in zip(*pair, strict=True)] for pair in zip(*step, strict=True)]
            for step in zip(x, z, strict=True)
        ]
        return self.found[at]

    def logits(self, x):
        """Answer for the tokens that there are."""
        out = self.encoder(x)
        for n, block in enumerate(self.keys["blocks"]):
            at, mode = f"blocks.{n}", block.get("residual", "or")
            q, k, v = (self.dense(f"{at}.{name}", out) for name in ("query", "key", "value"))
            z = self.attention(f"{at}.attention", block["attention"], q, k, v)
            out = self.join(f"{at}.x", mode, out, self.dense(f"{at}.project", z))
            z = self.dense(f"{at}.contract", self.dense(f"{at}.expand", out))
            out = self.join(f"{at}.out", mode, out, z)
        weight, groups = self.arrays["readout.weight"], self.keys["readout"].get("groups", 1)
        sums = [len(x) * bias for bias in self.arrays["readout.bias"]]
        for step in out:
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
