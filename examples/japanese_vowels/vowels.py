"""JapaneseVowels: nine speakers, 12 channels, 7 to 29 time steps, padded to 32 tokens.

Ref: M. Kudo, J. Toyama, M. Shimbo, Multidimensional curve classification using passing-through
regions, Pattern Recognition Letters 20 (1999); UCI Machine Learning Repository.
"""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHANNELS", "SPEAKERS", "Scaling", "Utterances", "data_folder", "load_split"]

CHANNELS = 12
SPEAKERS = 9

# The files inside the wheel of aeon 1.6.0. Another copy of the data may be ordered or rounded
# differently, and then neither the accuracies nor the recorded spikes would be those in docs/.
SHA256 = {
    "TRAIN": "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
    "TEST": "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
}


@dataclass(frozen=True)
class Utterances:
    """One split of the data set.

    Attributes
    ----------
    values : float64 array of shape (utterances, tokens, 12)
        One token per time step; the tokens behind the end of an utterance are zero.
    lengths : int64 array of shape (utterances,)
        Time steps of each utterance, 7 to 29.
    speakers : int64 array of shape (utterances,)
        Who speaks, 0 to 8.
    """

    values: NDArray[np.float64]
    lengths: NDArray[np.int64]
    speakers: NDArray[np.int64]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """True where a token is a time step, False where it is padding: (utterances, tokens)."""
        return np.arange(self.values.shape[1]) < self.lengths[:, None]


@dataclass(frozen=True)
class Scaling:
    """Offset and gain per channel, then eight bits: multiples of 1/32 in [-4, 4).

    Elementwise float64 operations only, so that the result is the same on every machine.
    """

    offset: NDArray[np.float64]
    gain: NDArray[np.float64]

    @classmethod
    def fit(cls, train: Utterances) -> "Scaling":
        """Zero mean and unit variance over the time steps (not the padding) of ``train``."""
        steps = train.values[train.mask]
        return cls(offset=steps.mean(axis=0), gain=1 / steps.std(axis=0))

    def apply(self, utterances: Utterances) -> NDArray[np.float64]:
        """Scaled values, of the shape of ``utterances.values``; padding stays zero."""
        levels = np.rint((utterances.values - self.offset) * self.gain * 32)
        return np.clip(levels, -128, 127) / 32 * utterances.mask[:, :, None]


def data_folder() -> Path:
    """Folder of the data set inside the installed package aeon, which is not imported.

    Raises FileNotFoundError where aeon is not installed.
    """
    spec = find_spec("aeon")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            "JapaneseVowels must be installed with aeon: pip install --no-deps aeon==1.6.0"
        )
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data" / "JapaneseVowels"


def load_split(split: str, tokens: int) -> Utterances:
    """Read a split, ``"TRAIN"`` (270 utterances) or ``"TEST"`` (370), padded to ``tokens``.

    Raises FileNotFoundError where the data is not installed, and ValueError where the file is
    not the expected one or an utterance is longer than ``tokens``.
    """
    if split not in SHA256:
        raise ValueError(f"Split must be one of TRAIN and TEST, not {split!r}")
    path = data_folder() / f"JapaneseVowels_{split}.ts"
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[split]:
        raise ValueError(f"{path} must be the file in aeon 1.6.0, and its SHA-256 differs")

    _, body = content.decode().split("@data\n")
    rows = [line.split(":") for line in body.splitlines()]
    series = [np.array([c.split(",") for c in row[:-1]], dtype=np.float64).T for row in rows]
    lengths = np.array([len(one) for one in series], dtype=np.int64)
    if lengths.max() > tokens:
        raise ValueError(f"Tokens must be at least {lengths.max()}, not {tokens!r}")

    values = np.zeros((len(series), tokens, CHANNELS))
    for place, one in zip(values, series, strict=True):
        place[: len(one)] = one
    speakers = np.array([int(row[-1]) - 1 for row in rows], dtype=np.int64)
    return Utterances(values=values, lengths=lengths, speakers=speakers)
