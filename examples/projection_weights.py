"""Weights of the example projections, from the trained transformer of japanese_vowels.

``python examples/projection_weights.py`` writes the .npy files of the designs in projection/: the
trained layers ``stem`` (12 channels to 64) and ``query`` (64 to 64), folded to 8-bit integers.
No CPG-PE was trained with them: its ten columns in the concatenated example are drawn, with a fixed
seed and the spread of the stem's own weights.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloom.golden.fold import Folded, fold

FOLDER = Path(__file__).resolve().parent
FRACTION = 10
CPG_NEURONS = 10


def trained(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read weights and biases of a layer, whose batch norm is folded already."""
    with np.load(FOLDER / "japanese_vowels" / "recorded" / "weights.npz") as file:
        weight, bias = (file[f"dense.{name}.{part}"] for part in ("weight", "bias"))
    return weight / 2.0**FRACTION, bias / 2.0**FRACTION


def layers() -> dict[str, Folded]:
    """Fold both layers; the neurons behind them have a threshold of 1 and a tau of 2."""
    weight, bias = trained("stem")
    rng = np.random.default_rng(0)
    columns = rng.normal(0.0, float(weight.std()), (len(weight), CPG_NEURONS))
    stem = fold(np.concatenate([weight, columns], axis=1), bias)
    return {"projection": stem, "projection-add": fold(*trained("query"))}


def main() -> None:
    """Write the files."""
    for name, folded in layers().items():
        for part, kind in (("weights", np.int8), ("bias", np.int16), ("thresholds", np.int16)):
            integers = getattr(folded, part).astype(kind)
            np.save(FOLDER / "projection" / f"tiny-32x64-{name}-{part}.npy", integers)


if __name__ == "__main__":
    main()
