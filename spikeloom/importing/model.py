"""A published network in real numbers: what was found in a checkpoint, before it is rounded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spikeloom.importing.host import Program

__all__ = ["Attention", "Block", "Dense", "Head", "Norm", "PublishedModel", "Reals", "Stage"]

Reals = NDArray[np.float32]


@dataclass(frozen=True)
class Norm:
    """Batch normalisation with the statistics of training.

    Parameters
    ----------
    weight, bias, mean, var : numpy.ndarray
        Gain, offset and running statistics, each (channels,).
    eps : float
        What is added to the variance.
    """

    weight: Reals
    bias: Reals
    mean: Reals
    var: Reals
    eps: float = 1e-5

    @property
    def affine(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Gain and offset in float64: x becomes gain x + offset."""
        weight, bias, mean, var = (
            part.astype(np.float64) for part in (self.weight, self.bias, self.mean, self.var)
        )
        gain = weight / np.sqrt(var + self.eps)
        return gain, bias - mean * gain

    def rows(self, rows: slice) -> "Norm":
        """Return that of some of the channels."""
        return Norm(self.weight[rows], self.bias[rows], self.mean[rows], self.var[rows], self.eps)


@dataclass(frozen=True)
class Dense:
    """A linear layer, its normalisation, and the threshold of the neurons behind it.

    Parameters
    ----------
    weight : numpy.ndarray
        (outputs, inputs).
    bias : numpy.ndarray or None
        (outputs,).
    norm : Norm or None
    threshold : float
        Of leaky neurons with tau 2, whose input decays, and a hard reset.
    beside : numpy.ndarray or None
        What is added in front of the normalisation at each step and token, (T, N, outputs); of
        expand and contract only.
    """

    weight: Reals
    bias: Reals | None = None
    norm: Norm | None = None
    threshold: float = 1.0
    beside: Reals | None = None


@dataclass(frozen=True)
class Attention:
    """How queries, keys and values meet.

    Parameters
    ----------
    kind : str
        ``"attention"`` or ``"mask"``, the kind of design whose keys ``section`` has.
    section : mapping
        Keys of the design, without its sizes.
    least : bool
        Whether the least of all scores is taken from them first. No design says it: it is for the
        comparison with float.
    """

    kind: Literal["attention", "mask"]
    section: Mapping[str, object]
    least: bool = False

    @property
    def layers(self) -> tuple[str, ...]:
        """The linear layers in front of it."""
        two = self.kind == "mask" and self.section["attention"] != "sdsa"
        return ("query", "key") if two else ("query", "key", "value")


@dataclass(frozen=True)
class Block:
    """Attention and an MLP.

    Parameters
    ----------
    dense : mapping
        Linear layers by the names of a network design: query, key, value, project, expand,
        contract.
    attention : Attention
    residual : str
        ``"add"``: branches end in spikes, which are added. ``"membrane"``: they end in drives, and
        what is added up goes through a neuron in front of each branch.
    grid : int or None
        Tokens of a row of the picture: query, key, value and project are convolutions of 3 x 3
        places then, and their weights (outputs, 9 inputs).
    """

    dense: Mapping[str, Dense]
    attention: Attention
    residual: Literal["add", "membrane"] = "add"
    grid: int | None = None


@dataclass(frozen=True)
class Head:
    """The read-out: a linear layer on the mean over tokens, and over all steps or of the last.

    Parameters
    ----------
    weight : numpy.ndarray
        (outputs, D).
    bias : numpy.ndarray or None
        (outputs,).
    steps : str
        ``"all"`` or ``"last"``.
    """

    weight: Reals
    bias: Reals | None = None
    steps: Literal["all", "last"] = "all"


@dataclass(frozen=True)
class Stage:
    """What one network design holds: blocks of one size, and the host's part in front of them.

    Parameters
    ----------
    name : str
        Name of the design.
    tokens : int
        N, the length of a sequence.
    host : Program
        From the answer of the stage before, or from the data, to ``x``: integers (T, N, C).
    most : int
        The greatest entry of x.
    encoder : Dense or None
        Linear layer and neuron between x and the first block; without it C is D.
    blocks : tuple of Block
    head : Head
    neurons : str
        With residual membrane, what the neurons in front of the head see: ``"tokens"``, each of
        them, ``"sum"``, their mean, or ``"none"`` where there are no neurons.
    """

    name: str
    tokens: int
    host: Program
    most: int
    encoder: Dense | None
    blocks: tuple[Block, ...]
    head: Head
    neurons: Literal["tokens", "sum", "none"] = "tokens"

    @property
    def dim(self) -> int:
        """D, the embedding width."""
        return len(self.blocks[0].dense["query"].weight)


@dataclass(frozen=True)
class PublishedModel:
    """A checkpoint, read.

    Parameters
    ----------
    family : str
        Whose network it is, in words.
    steps : int
        T, the time steps.
    stages : tuple of Stage
        One after the other; a stage takes what the blocks of the one before give, (T, N, D).
    data : tuple of int
        Shape of one sample.
    host : tuple of str
        What runs on the host, in words.
    """

    family: str
    steps: int
    stages: tuple[Stage, ...]
    data: tuple[int, ...]
    host: tuple[str, ...] = ()
