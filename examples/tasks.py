"""What a network is trained for: data as the chip sees them, and what counts as good."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

__all__ = [
    "Split",
    "Task",
    "accuracy",
    "cross_entropy",
    "design",
    "r_squared",
    "squared_error",
    "torch_noise",
    "variant",
]


@dataclass(frozen=True)
class Split:
    """Samples to train or to test with.

    Attributes
    ----------
    x : int8 array of shape (samples, tokens, inputs)
        Inputs of the chip, 0 behind the end of a sequence.
    length : int64 array of shape (samples,)
        Tokens of each.
    y : array of shape (samples,) or (samples, outputs)
        Labels, or real numbers.
    known : array, or None
        What the host adds to the network's numbers and knows beforehand, of the shape of ``y``.
    """

    x: NDArray[np.int8]
    length: NDArray[np.int64]
    y: NDArray[Any]
    known: NDArray[np.float64] | None = None

    def part(self, chosen: NDArray[Any]) -> "Split":
        """Return some of the samples."""
        known = None if self.known is None else self.known[chosen]
        return Split(self.x[chosen], self.length[chosen], self.y[chosen], known)


@dataclass(frozen=True)
class Task:
    """A data set with a network.

    Attributes
    ----------
    name : str
        Folder in examples/.
    design : dict
        Keys of the network.
    splits : function
        Returns the samples to train and to test with.
    loss : function
        Of logits and targets.
    score : function
        Of real logits and targets, both with what is known added: accuracy or R2, at most 1.
    augment : function
        Changes a batch of inputs.
    baselines : function
        Returns scores on the test set by name.
    variants : mapping
        Other keys to train the network with, by name; see :func:`variant`.
    training : mapping
        Options of :func:`spikeloom.torch.training.fit`.
    kept : int
        Of the samples to test with, how many the file has, the first ones; 0 for all.
    unit : function
        Of a regression, returns what 1 of a target is in units of the data.
    """

    name: str
    design: Mapping[str, Any]
    splits: Callable[[], tuple[Split, Split]]
    loss: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[NDArray[np.float64], NDArray[Any]], float]
    augment: Callable[[Tensor], Tensor]
    baselines: Callable[[], dict[str, float]]
    variants: Mapping[str, Mapping[str, Any]]
    training: Mapping[str, Any]
    kept: int = 0
    unit: Callable[[], float] | None = None


def design(
    name: str, *, tokens: int, inputs: int, bits: int, signed: bool, outputs: int
) -> dict[str, Any]:
    """Return the network that all tasks share: what differs is what goes in and comes out."""
    return {
        "name": name,
        "tokens": tokens,
        "dim": 64,
        "steps": 2,
        "fraction": 4,
        "encoder": {
            "inputs": inputs,
            "bits": bits,
            "signed": signed,
            "weight_bits": 8,
            "position": "absolute",
        },
        "blocks": [
            {
                "residual": "or",
                "weight_bits": 2,
                "hidden": 128,
                "attention": {
                    "heads": 4,
                    "similarity": "and",
                    "position": "none",
                    "scale": 0.125,
                    "threshold": 0.5,
                },
            }
        ],
        "readout": {"outputs": outputs, "weight_bits": 8, "groups": 1},
    }


def variant(design: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return a design with other keys: of sections, whose names are before a dot.

    ``block`` and ``attention`` are those of every block.
    """
    made = {
        **design,
        "encoder": dict(design["encoder"]),
        "blocks": [{**b, "attention": dict(b["attention"])} for b in design["blocks"]],
        "readout": dict(design["readout"]),
    }
    for name, value in keys.items():
        section, _, key = name.rpartition(".")
        places = {
            "": [made],
            "block": made["blocks"],
            "attention": [block["attention"] for block in made["blocks"]],
        }
        for place in places.get(section) or [made[section]]:
            place[key] = value
    return made


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of a classification."""
    return functional.cross_entropy(logits, labels)


def squared_error(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the loss of a regression."""
    return functional.mse_loss(logits, targets.to(logits.dtype))


def accuracy(logits: NDArray[np.float64], labels: NDArray[Any]) -> float:
    """Return the share of samples whose label has the greatest logit, the first of equal ones."""
    return float((logits.argmax(axis=1) == labels).mean())


def r_squared(predicted: NDArray[np.float64], wanted: NDArray[Any]) -> float:
    """Return 1 - squared error / squared deviation from the mean, over all numbers."""
    residual = ((predicted - wanted) ** 2).sum()
    return float(1 - residual / ((wanted - wanted.mean()) ** 2).sum())


def torch_noise(size: float, low: int, high: int) -> Callable[[Tensor], Tensor]:
    """Return an augmentation: normal noise of a size in units of the input, within its bounds."""

    def augment(x: Tensor) -> Tensor:
        return (x + size * torch.randn_like(x)).clamp(low, high)

    return augment
