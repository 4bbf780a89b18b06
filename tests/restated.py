"""The layer as its papers write it, in rationals and floating point, apart from all of golden.

Real scales, real thresholds, real alpha; positions by their published formulas. The numbers are
small, so that float64 holds every score, and Python's fractions every membrane.
"""

from fractions import Fraction

import numpy as np


def each(value, heads):
    """One number a head, of a number or a list of numbers."""
    return value if isinstance(value, (list, tuple)) else [value] * heads


def gray_bits(x, bits):
    """The low bits of the reflected code, the way it is reflected: each half mirrors the other."""
    words = [""]
    while len(words) <= x or len(words[0]) < bits:
        words = ["0" + word for word in words] + ["1" + word for word in reversed(words)]
    return [int(bit) for bit in words[x][len(words[x]) - bits :]]


def codes(keys, t, tokens, steps):
    gray = keys.get("gray", {})
    if "grid" in gray:
        rows, columns = gray["grid"]
        bits = gray.get("bits") or [max(1, int(np.ceil(np.log2(n)))) for n in (rows, columns)]
        places = [(divmod(n, columns), bits) for n in range(tokens)]
        return np.array([sum(map(gray_bits, place, bits), []) for place, bits in places])
    shifted = gray.get("index") == "t*L+l"
    count = tokens * (steps if shifted else 1)
    bits = gray.get("bits") or max(1, int(np.ceil(np.log2(count))))
    return np.array([gray_bits(t * tokens * shifted + n, bits) for n in range(tokens)])


def log_bias(tokens, length):
    distance = np.abs(np.subtract.outer(np.arange(tokens), np.arange(tokens)))
    with np.errstate(divide="ignore"):
        return np.maximum(np.ceil(np.log2((length - 1) / (distance + 1.0))), 0)


def turns(keys, tokens, groups):
    """Amounts (groups, tokens): frequencies that are rational, ties to even."""
    shift = keys.get("shift", {})
    base = shift.get("base", 64)

    def line(places, groups):
        root = round(base ** (1 / max(1, groups - 1)))
        assert root ** max(1, groups - 1) == base
        return [[round(Fraction(n, root**g)) for n in places] for g in range(groups)]

    if "grid" not in shift:
        return line(range(tokens), groups)
    columns = shift["grid"][1]
    rows = [n // columns for n in range(tokens)]
    return line(rows, groups // 2) + line([n % columns for n in range(tokens)], groups // 2)


def turned(x, keys):
    groups = keys["shift"].get("groups", 4)
    width = x.shape[1] // groups
    out = np.zeros_like(x)
    for g, row in enumerate(turns(keys, len(x), groups)):
        for n, amount in enumerate(row):
            part = slice(g * width, (g + 1) * width)
            out[n, part] = np.roll(x[n, part], amount)
    return out


def compare(kind, q, k, alpha):
    """Scores in units of one equal pair of ones, each by the formula of its paper."""
    q, k = q.astype(float), k.astype(float)
    d = q.shape[1]
    if kind == "and":
        return q @ k.T
    if kind == "hamming":
        return (2 * q - 1) @ (2 * k - 1).T
    if kind == "xnor":
        return d - q.sum(1)[:, None] - k.sum(1) + 2 * q @ k.T
    return q @ k.T + float(alpha) * ((1 - q) @ (1 - k).T)


def attended(keys, q, k, v):
    """The drive before the scale, (T, N, D), for alpha that are binary fractions."""
    steps, tokens, dim = q.shape
    heads = keys["heads"]
    names = keys.get("position", ())
    names = [names] if isinstance(names, str) else names
    total = np.zeros(q.shape)
    for t in range(steps):
        for head in range(heads):
            part = slice(head * dim // heads, (head + 1) * dim // heads)
            a, b = q[t, :, part], k[t, :, part]
            if "shift" in names:
                a, b = turned(a, keys), turned(b, keys)
            if "gray" in names:
                code = codes(keys, t, tokens, steps)
                a, b = np.hstack([a, code]), np.hstack([b, code])
            alpha = Fraction(each(keys.get("alpha", 0), heads)[head])
            score = compare(keys.get("similarity", "and"), a, b, alpha)
            if "log" in names:
                score = score + log_bias(tokens, keys.get("log", {}).get("length", tokens))
            if "gate" in keys:
                score = np.where(score >= keys["gate"], 1.0, 0.0)
            total[t, :, part] = score @ v[t, :, part].astype(float)
    return total


def spikes(keys, q, k, v):
    """The layer's spikes, with scale, threshold and membranes as real numbers."""
    drive = attended(keys, q, k, v)
    theta = Fraction(keys.get("threshold", Fraction(1, 2)))
    scales = np.repeat(
        [Fraction(scale) for scale in each(keys.get("scale", Fraction(1, 8)), keys["heads"])],
        q.shape[2] // keys["heads"],
    )
    tau = keys.get("tau", 2)
    membrane = np.full(q.shape[1:], Fraction(0), dtype=object)
    out = np.zeros(q.shape, np.uint8)
    for t, current in enumerate(drive):
        x = scales * np.vectorize(Fraction, otypes=[object])(current)
        if keys.get("neuron") == "if":
            h = membrane + x
        elif keys.get("decay_input", True):
            h = membrane + (x - membrane) / tau
        else:
            h = membrane - membrane / tau + x
        fired = (h >= theta).astype(bool)
        out[t] = fired
        soft = keys.get("reset") == "soft"
        membrane = np.where(fired, h - theta if soft else Fraction(0), h)
    return out
