"""Weights of the example network: integers of a network that was never trained.

``python examples/network_weights.py`` writes tiny-32x64-network.npz beside its design: weights
drawn with a fixed seed, and biases and thresholds about as large as the sums, so that every layer
fires. It prints the digest that the design names.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.weights import digest

FILE = Path(__file__).resolve().parent / "layers" / "tiny-32x64-network.npz"
TOKENS, INPUTS, DIM, HIDDEN, OUTPUTS = 32, 12, 64, 128, 9
FRACTION = 4
BLOCK = {
    **dict.fromkeys(("query", "key", "value", "project"), (DIM, DIM)),
    **{"expand": (HIDDEN, DIM), "contract": (DIM, HIDDEN)},
}


def layer(
    rng: np.random.Generator, name: str, shape: tuple[int, int], most: int, scale: float
) -> dict[str, NDArray[np.int64]]:
    """Draw a layer; ``scale`` is how far a sum of one input goes for a weight of one."""
    weight = rng.integers(-most, most + 1, shape)
    spread = int(scale * float(weight.std()) * shape[1] ** 0.5)
    return {
        f"{name}.weight": weight,
        f"{name}.bias": rng.integers(-spread, spread + 1, shape[0]),
        f"{name}.threshold": rng.integers(1, spread + 2, shape[0]),
    }


def arrays() -> dict[str, NDArray[np.int64]]:
    """Draw all arrays of the design."""
    rng = np.random.default_rng(0)
    found = layer(rng, "encoder", (DIM, INPUTS), 127, 80)
    found["encoder.position"] = rng.integers(-127, 128, (TOKENS, DIM))
    for name, shape in BLOCK.items():
        found |= layer(rng, f"blocks.0.{name}", shape, 1, 0.6 * 2**FRACTION)
    found["readout.weight"] = rng.integers(-127, 128, (1, OUTPUTS, DIM))
    found["readout.bias"] = rng.integers(-1000, 1001, OUTPUTS)
    return found


def main() -> None:
    """Write the file."""
    found = arrays()
    small = {}
    for name, array in found.items():
        most = int(np.abs(array).max())
        small[name] = array.astype(
            np.int8 if most <= 127 else np.int16 if most < 1 << 15 else np.int32
        )
    np.savez_compressed(FILE, **small)
    print(digest(found))


if __name__ == "__main__":
    main()
