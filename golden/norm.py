"""A gain and an offset a channel in front of a neuron, in integers: folded batch norm.

Ref: SpikeVideoFormer, ICML 2025, whose code has batch norm between attention and neuron.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.neuron import NeuronSpec

__all__ = ["ChannelNeuron", "ChannelNeurons", "channel_neurons"]


@dataclass(frozen=True)
class ChannelNeuron:
    """The neuron of a channel: its drive is ``(sign X << shift) + offset`` for a sum X.

    Dividing gain scale X + offset and the threshold by abs(gain scale) leaves X with a sign, an
    offset in units of X, and a threshold of the channel's own. ``shift`` bits hold the fraction of
    the offset; the drive is an integer, of which the spikes are those of the real-valued neuron.

    Parameters
    ----------
    spec : NeuronSpec
        The neuron. Those of a layer differ in their thresholds alone.
    sign : int
        1 or -1.
    offset : int
        What every step adds, in units of ``2**-shift``.
    shift : int
        Fraction bits of the offset, the same for all channels of a layer.
    """

    spec: NeuronSpec
    sign: int
    offset: int
    shift: int

    def span(self, sums: tuple[int, int]) -> tuple[int, int]:
        """Return the least and the greatest drive for sums of a range.

        >>> spec = NeuronSpec("lif", 1, 0, 8, "hard")
        >>> ChannelNeuron(spec, -1, 3, 2).span((0, 10))
        (-37, 3)
        """
        low, high = sorted(self.sign * end for end in sums)
        return (low << self.shift) + self.offset, (high << self.shift) + self.offset

    def reach(self, sums: tuple[int, int], steps: int) -> int:
        """Return a number that no membrane gets above, though it never fires.

        In units of the threshold: one above this number fires as seldom.
        """
        spec = self.spec
        top = membrane = 0
        for step in range(steps):
            a = spec.keep * membrane + (self.span(sums)[1] << spec.fraction)
            top = a if step == 0 else max(top, a)
            membrane = spec.divide(a)
        return top


@dataclass(frozen=True)
class ChannelNeurons:
    """The neurons of all channels of a layer.

    Parameters
    ----------
    channels : tuple of ChannelNeuron
        One a channel, as the embedding is laid out: channel head * d + j is that of head and j.
    """

    channels: tuple[ChannelNeuron, ...]

    @property
    def spec(self) -> NeuronSpec:
        """What all neurons have in common; the threshold is that of the first."""
        return self.channels[0].spec

    @property
    def shift(self) -> int:
        """Fraction bits of the offsets."""
        return self.channels[0].shift

    def drive(self, sums: ArrayLike) -> NDArray[np.int64]:
        """Return the drives of all channels, for sums of shape (..., D)."""
        signs = np.array([channel.sign for channel in self.channels], dtype=np.int64)
        offsets = np.array([channel.offset for channel in self.channels], dtype=np.int64)
        drive: NDArray[np.int64] = np.asarray(sums, dtype=np.int64) * (signs << self.shift)
        return drive + offsets

    def run(self, sums: ArrayLike) -> NDArray[np.uint8]:
        """Return the spikes for sums of shape (T, ..., D), from membranes of zero."""
        return self.spec.run(self.drive(sums), [c.spec.threshold for c in self.channels])


@lru_cache(maxsize=16)
def channel_neurons(design: AttentionDesign) -> ChannelNeurons | None:
    """Return the neurons of a layer with a norm or scales below zero; None for any other.

    >>> keys = {"tokens": 2, "dim": 4, "heads": 2, "steps": 2, "scale": 1, "threshold": 3}
    >>> norm = {"gain": [1, 2, -1, -3], "offset": [0, 1, 0, 1]}
    >>> neurons = channel_neurons(AttentionDesign.from_dict({**keys, "norm": {**norm, "bits": 1}}))
    >>> [(c.sign, c.spec.threshold, c.offset) for c in neurons.channels]
    [(1, 12, 0), (1, 6, 1), (-1, 12, 0), (-1, 4, 1)]
    """
    normed = design.normed
    if normed is None:
        return None
    columns = (NeuronSpec.each(design), normed.signs, normed.offsets)
    return ChannelNeurons(
        tuple(ChannelNeuron(*row, normed.fraction) for row in zip(*columns, strict=True))
    )
