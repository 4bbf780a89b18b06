"""Files of a network: design and integer weights."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.weights import digest
from spikeloom.design.write import smallest, toml
from spikeloom.files import replacing

__all__ = ["export", "write"]


def export(
    folder: Path,
    design: Mapping[str, Any],
    arrays: Mapping[str, NDArray[np.int64]],
    *,
    name: str = "network.toml",
    weights: str = "weights.npz",
) -> Path:
    """Write a design file, which names its weights and their digest; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    small: dict[str, Any] = {key: smallest(array) for key, array in arrays.items()}
    write(folder / weights, lambda file: np.savez_compressed(file, **small))
    told = {"kind": "network", "weights": weights, "digest": digest(arrays)}
    text = toml(told | {key: value for key, value in design.items() if key not in told})
    write(folder / name, lambda file: file.write(text.encode()))
    return folder / name


def write(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Replace ``path`` by what ``fill`` writes, in one step and only if it succeeds."""
    with replacing(path) as fresh, fresh.open("wb") as file:
        fill(file)
