"""Random projections for tests, and what they should answer: formulas restated in rationals."""

import math
from fractions import Fraction

from spikeloom.design import Design


def draw(rng, **fixed):
    """Draw the keys of a small projection; ``fixed`` overrules."""
    inputs, dim, steps, tokens = (int(n) for n in rng.integers(1, [14, 14, 5, 5]))
    beat = int(rng.choice([1, 2, 4, 8, 16]))
    keys = {
        "kind": "projection",
        "tokens": tokens,
        "inputs": inputs,
        "dim": dim,
        "steps": steps,
        "levels": int(rng.choice([1, 1, 2, 3, 5, 15])),
        "neuron": str(rng.choice(["lif", "lif", "if", "none"])),
        "reset": str(rng.choice(["hard", "soft"])),
        "decay_input": bool(rng.random() < 0.7),
        "lanes": int(rng.choice([lanes for lanes in (1, 2, 4, 8, 16) if lanes <= beat])),
        "target": {"beat": beat},
        **fixed,
    }
    mode = str(rng.choice(["none", "concat", "add"]))
    extra = 0
    if mode != "none":
        extra = int(rng.integers(1, 12)) if mode == "concat" else 0
        keys["cpg"] = {"mode": mode, "w_max": int(rng.choice([10_000, 1000]))}
        if extra:
            keys["cpg"]["neurons"] = extra
    bits = int(rng.integers(2, 9))
    high = 1 << bits - 1
    fan_in = keys["inputs"] + extra
    weights = rng.integers(-high, high, (keys["dim"], fan_in))
    keys["weights"] = {"values": weights.tolist(), "bits": bits}
    keys["bias"] = {"values": rng.integers(-high, high, keys["dim"]).tolist()}
    if keys["neuron"] != "none":
        if rng.random() < 0.5:
            del keys["decay_input"]
            values = rng.integers(1, 2 * high + 8, keys["dim"])
            keys["thresholds"] = {"values": values.tolist()}
        else:
            keys["threshold"] = int(rng.integers(1, high + 2))
            # What no binary fraction holds is exact with a hard reset only.
            scales = ["1", "1/2", "1/4"] + (["1/3"] if keys["reset"] == "hard" else [])
            keys["scale"] = str(rng.choice(scales))
        if keys["neuron"] == "lif":
            keys["tau"] = int(rng.choice([2, 2, 4]))
    return Design.from_dict(keys)


def oracle(design, x):
    """Answer in exact rationals: CPG-PE, Linear, and SpikingJelly's neurons, a number at a time.

    Where a design gives an integer threshold of its own, the neuron gets a real one of half of it
    (tau 2): batch norm and scales are folded into it.
    """
    answer = [[[0] * design.dim for _ in range(design.tokens)] for _ in range(design.steps)]
    for n in range(design.tokens):
        for d in range(design.dim):
            v = Fraction(0)
            for t in range(design.steps):
                total = design.biases[d]
                for c in range(design.inputs):
                    total += design.weight_rows[d][c] * int(x[t, n, c])
                for c in range(design.cpg_neurons):
                    beside = design.inputs if design.cpg.mode == "concat" else 0
                    if code(design, t * design.tokens + n, c):
                        total += design.weight_rows[d][beside + c]
                if design.neuron == "none":
                    answer[t][n][d] = total
                    continue
                answer[t][n][d], v = neuron(design, d, v, Fraction(total))
    return answer


def code(design, p, c):
    w = design.cpg.w_max ** (-2 * (c // 2) / design.cpg_neurons)
    return (math.cos(p * w) if c % 2 else math.sin(p * w)) >= 0.8


def neuron(design, channel, v, total):
    """Advance SpikingJelly's LIFNode or IFNode; give spike and membrane."""
    tau = design.tau if design.neuron == "lif" else 1
    given = design.channel_thresholds
    decay = design.decay_input and tau > 1
    scale = Fraction(1) if given else design.scale
    theta = Fraction(given[channel], tau if decay else 1) if given else design.threshold
    current = scale * total
    h = v + (current - v) / tau if decay else v - (v / tau if tau > 1 else 0) + current
    if h < theta:
        return 0, h
    return 1, Fraction(0) if design.reset == "hard" else h - theta
