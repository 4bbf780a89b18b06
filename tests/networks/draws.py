"""Small networks for tests: designs as dictionaries, and integers with which every layer fires."""

import numpy as np

from spikeloom.design import Design

DENSE = ("query", "key", "value", "project", "expand", "contract")
MASKS = ("qk-token", "qk-channel", "sdsa")
ATTENTION = {"heads": 2, "similarity": "and", "scale": "1/4", "threshold": "1/2"}
SMALL = {
    "kind": "network",
    "name": "few",
    "tokens": 5,
    "dim": 12,
    "steps": 2,
    "fraction": 4,
    "encoder": {"inputs": 5, "bits": 4, "weight_bits": 4, "position": "absolute"},
    "blocks": [{"hidden": 20, "residual": "or", "weight_bits": 2, "attention": ATTENTION}],
    "readout": {"outputs": 3, "weight_bits": 4, "groups": 1},
    "folding": {"weights": "ebr"},
}


def merged(base, changes):
    """Change a dictionary at any depth; lists, and sections of another kind, are replaced."""
    found = dict(base)
    for name, value in changes.items():
        inner = isinstance(value, dict) and isinstance(found.get(name), dict)
        inner = inner and "kind" not in value
        found[name] = merged(found[name], value) if inner else value
    return found


def block(**changes):
    """Give the keys of a block."""
    return merged(SMALL["blocks"][0], changes)


def masked(mask, **changes):
    """Give the keys of a block with a mask."""
    layer = {"kind": "mask", "attention": mask, "heads": 2}
    return merged(block(attention=layer), changes)


def keys(**changes):
    """Give the keys of a small network, without weights."""
    return merged(SMALL, changes)


def weight_ends(bits):
    """Least and greatest weight of so many bits."""
    return {1: (-1, 1), 2: (-1, 1)}.get(bits, (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))


def shapes(data):
    """List the arrays of weights.npz as the contract has them: name, shape, bits of a weight."""
    dim, encoder, readout = data["dim"], data["encoder"], data["readout"]
    bits = encoder.get("weight_bits", 8)
    membrane = data["blocks"][0].get("residual") == "membrane"
    found = []
    if encoder.get("kind", "linear") == "linear":
        found.append(("encoder.weight", (dim, encoder["inputs"]), bits))
        if encoder.get("position", "none") == "absolute":
            found.append(("encoder.position", (data["tokens"], dim), bits))
        found.append(("encoder.bias", (dim,), None))
        if not membrane:
            found.append(("encoder.threshold", (dim,), None))
    for n, one in enumerate(data["blocks"]):
        for name in DENSE:
            if name == "value" and one["attention"].get("attention", "sdsa") != "sdsa":
                continue
            if membrane and name in ("query", "expand"):
                before = {"query": "input", "expand": "mlp"}[name]
                found.append((f"blocks.{n}.{before}.threshold", (dim,), None))
            rows = one["hidden"] if name == "expand" else dim
            columns = one["hidden"] if name == "contract" else dim
            if one.get("grid") and name not in ("expand", "contract"):
                columns *= 9
            at = f"blocks.{n}.{name}"
            found.append((f"{at}.weight", (rows, columns), one.get("weight_bits", 2)))
            found.append((f"{at}.bias", (rows,), None))
            if not membrane or name not in ("project", "contract"):
                found.append((f"{at}.threshold", (rows,), None))
            if one.get("mlp_position", "none") != "none" and name in ("expand", "contract"):
                table = (data["steps"], data["tokens"], rows)
                found.append((f"{at}.position", table, None))
    if membrane and readout.get("neurons", "tokens") != "none":
        found.append(("readout.threshold", (dim,), None))
    outputs, groups = readout["outputs"], readout.get("groups", 1)
    found.append(("readout.weight", (groups, outputs, dim), readout.get("weight_bits", 8)))
    return [*found, ("readout.bias", (outputs,), None)]


def draw_arrays(data, seed=0):
    """Draw weights over their whole range, biases and thresholds about as large as the sums."""
    rng = np.random.default_rng(seed)
    arrays, spread = {}, 1.0
    encoder = data["encoder"]
    for name, shape, bits in shapes(data):
        if bits is not None:
            low, high = weight_ends(bits)
            array = rng.integers(low, high + 1, shape)
            if bits == 1:
                array = np.where(array == 0, 1, array)
            if name.endswith(".weight"):
                spread = float(array.std()) * shape[-1] ** 0.5 * 0.65
                if name.startswith("encoder"):
                    spread *= 0.45 * 2 ** encoder.get("bits", 8) * 2 ** encoder.get("fraction", 0)
                else:
                    spread *= 2 ** data.get("fraction", 4)
        elif name.endswith("threshold"):
            array = rng.integers(1, 2 + int(1.2 * spread), shape)
        else:
            array = rng.integers(-1 - int(spread), 2 + int(spread), shape)
        arrays[name] = array
    return arrays


def make(seed=0, arrays=None, **changes):
    """Make a small network; ``arrays`` replaces some of the arrays that are drawn."""
    data = keys(**changes)
    return Design.from_dict({**data, "weights": {**draw_arrays(data, seed), **(arrays or {})}})


def draw_input(design, seed=0, length=None):
    """Draw integers of every token, (n, C), or where they are given for each step (T, n, C)."""
    encoder = design.encoder
    low = -(1 << encoder.bits - 1) if encoder.signed else 0
    count = design.tokens if length is None else length
    shape = (count, encoder.inputs)
    if encoder.coding == "steps":
        shape = (design.steps, *shape)
    return np.random.default_rng(seed).integers(low, low + (1 << encoder.bits), shape)
