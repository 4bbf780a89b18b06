"""What a position encoding does to a layer of attention, and what all of a layer's do together."""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.kinds import position

__all__ = ["PositionModel", "bias", "channels", "models", "permute", "windows"]


class PositionModel:
    """A position encoding of a layer: a position overrides what it has.

    Its class is found by the name of the position (:func:`spikeloom.kinds.position`). What its
    section of the design file says (:class:`spikeloom.design.position.part.PositionPart`) holds for
    what is given here: ``code_bits`` for :meth:`channels`, ``biases`` for :meth:`bias`.

    Parameters
    ----------
    design : AttentionDesign
        The layer.
    """

    def __init__(self, design: AttentionDesign):
        self._design = design

    @property
    def design(self) -> AttentionDesign:
        """The layer."""
        return self._design

    def permute(self, x: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return q or k, bits of shape (..., N, d), with the channels of each token moved."""
        return x

    def channels(self, t: int) -> NDArray[np.uint8]:
        """Return the bits that are appended to q and to k at step ``t``, of shape (N, bits)."""
        return np.zeros((self._design.tokens, 0), dtype=np.uint8)

    def bias(self, head: int) -> NDArray[np.int32] | None:
        """Return what is added to the score of query i and key j, of shape (N, N), in ones."""
        return None

    def windows(self) -> list[int]:
        """Return the half-widths w of the windows that the bias is the sum of.

        Each adds 1 where i and j are at most w apart. State order takes a bias in this form alone.
        """
        return []


def models(design: AttentionDesign) -> list[PositionModel]:
    """Return the positions of a layer, in the order of their names."""
    return [position(name, "golden")(design) for name in design.position]


def permute(design: AttentionDesign, x: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return q or k, bits of shape (..., N, d), as the positions move their channels."""
    for model in models(design):
        x = model.permute(x)
    return x


def channels(design: AttentionDesign, t: int) -> NDArray[np.uint8]:
    """Return what the positions append to q and k at step ``t``, of shape (N, code_bits)."""
    none = np.zeros((design.tokens, 0), dtype=np.uint8)
    return np.concatenate([none, *(model.channels(t) for model in models(design))], axis=1)


def bias(design: AttentionDesign, head: int) -> NDArray[np.int32] | None:
    """Return what the positions add to the scores of a head, of shape (N, N), in ones.

    None where none of them adds anything.
    """
    found = [matrix for model in models(design) if (matrix := model.bias(head)) is not None]
    return reduce(np.add, found) if found else None


def windows(design: AttentionDesign) -> list[int]:
    """Return the half-widths of the windows that the bias of a layer is the sum of."""
    return [width for model in models(design) for width in model.windows()]
