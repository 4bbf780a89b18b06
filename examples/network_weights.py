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
    membrane = design["blocks"][0]["residual"] == "membrane"
    # Sums of the encoder and of the blocks are added up on a membrane, as large as each other.
    scale = 80 * 2.0 ** (encoder["bits"] - 8) if membrane else 80
    found = layer(rng, "encoder", (dim, encoder["inputs"]), encoder["weight_bits"], scale)
    _, most = weight_range(encoder["weight_bits"])
    found["encoder.position"] = rng.integers(-most, most + 1, (design["tokens"], dim))
    for n, block in enumerate(design["blocks"]):
        square = dict.fromkeys(("query", "key", "value", "project"), (dim, dim))
        if block["attention"].get("attention", "sdsa") != "sdsa":
            del square["value"]
        hidden = block["hidden"]
        for name, shape in {**square, "expand": (hidden, dim), "contract": (dim, hidden)}.items():
            scale = 0.6 * 2 ** design["fraction"]
            found |= layer(rng, f"blocks.{n}.{name}", shape, block["weight_bits"], scale)
    _, most = weight_range(readout["weight_bits"])
    found["readout.weight"] = rng.integers(-most, most + 1, (1, readout["outputs"], dim))
    found["readout.bias"] = rng.integers(-1000, 1001, readout["outputs"])
    if membrane:
        _thresholds(rng, found, len(design["blocks"]))
    return found


def _thresholds(rng: np.random.Generator, found: dict[str, NDArray[np.int64]], blocks: int) -> None:
    """Move the neurons behind the shortcuts, which are membranes, in front of the layers."""
    joined = (f"blocks.{n}.{at}" for n in range(blocks) for at in ("project", "contract"))
    behind = ["encoder", *joined]
    front = [*(f"blocks.{n}.{at}" for n in range(blocks) for at in ("input", "mlp")), "readout"]
    for before, name in zip(behind, front, strict=True):
        threshold = found.pop(f"{before}.threshold")
        found[f"{name}.threshold"] = rng.integers(1, threshold.max() + 1, threshold.shape)


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
