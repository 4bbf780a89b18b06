"""Weights of the example networks that were never trained: integers drawn with a fixed seed.

``python examples/network_weights.py`` writes NAME.npz beside layers/tiny-32x64-network.toml and
each design of drawn/, with the shapes and bits that the design says. Biases and thresholds are
about as large as the sums, so that every layer fires. It prints the digests that the designs name.
"""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.shapes import weight_range
from spikeloom.design.network.weights import digest

FOLDER = Path(__file__).resolve().parent
DESIGNS = (
    FOLDER / "layers" / "tiny-32x64-network.toml",
    *sorted((FOLDER / "drawn").glob("*.toml")),
)


def layer(
    rng: np.random.Generator, name: str, shape: tuple[int, int], bits: int, scale: float
) -> dict[str, NDArray[np.int64]]:
    """Draw a layer; ``scale`` is how far a sum of one input goes for a weight of one."""
    _, most = weight_range(bits)
    weight = rng.integers(-most, most + 1, shape)
    spread = int(scale * float(weight.std()) * shape[1] ** 0.5)
    return {
        f"{name}.weight": weight,
        f"{name}.bias": rng.integers(-spread, spread + 1, shape[0]),
        f"{name}.threshold": rng.integers(1, spread + 2, shape[0]),
    }


def arrays(design: dict[str, Any]) -> dict[str, NDArray[np.int64]]:
    """Draw all arrays of a design, given as its file has it."""
    rng = np.random.default_rng(0)
    dim, encoder, readout = design["dim"], design["encoder"], design["readout"]
    found = layer(rng, "encoder", (dim, encoder["inputs"]), encoder["weight_bits"], 80)
    _, most = weight_range(encoder["weight_bits"])
    found["encoder.position"] = rng.integers(-most, most + 1, (design["tokens"], dim))
    for n, block in enumerate(design["blocks"]):
        square = dict.fromkeys(("query", "key", "value", "project"), (dim, dim))
        hidden = block["hidden"]
        for name, shape in {**square, "expand": (hidden, dim), "contract": (dim, hidden)}.items():
            scale = 0.6 * 2 ** design["fraction"]
            found |= layer(rng, f"blocks.{n}.{name}", shape, block["weight_bits"], scale)
    _, most = weight_range(readout["weight_bits"])
    found["readout.weight"] = rng.integers(-most, most + 1, (1, readout["outputs"], dim))
    found["readout.bias"] = rng.integers(-1000, 1001, readout["outputs"])
    return found


def main() -> None:
    """Write the files."""
    for path in DESIGNS:
        found = arrays(tomllib.loads(path.read_text(encoding="utf-8")))
        small = {}
        for name, array in found.items():
            most = int(np.abs(array).max())
            small[name] = array.astype(
                np.int8 if most <= 127 else np.int16 if most < 1 << 15 else np.int32
            )
        np.savez_compressed(path.with_suffix(".npz"), **small)
        print(path.name, digest(found))


if __name__ == "__main__":
    main()
