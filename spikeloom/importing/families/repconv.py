"""RepConv of Spike-driven Transformer V2: five layers in a row as one convolution."""

from typing import Final

import numpy as np

from spikeloom.importing.families.names import Names
from spikeloom.importing.families.source import Source
from spikeloom.importing.model import Dense, Norm, Reals

__all__ = ["add_names", "collapse", "read"]

_PLACES: Final = 9


def add_names(names: Names, base: str) -> None:
    """Add the tensors of a RepConv and of the normalisation behind it."""
    names.one(f"{base}.0.body.0.weight").norm(f"{base}.0.body.1.bn")
    names.one(f"{base}.0.body.2.0.weight", f"{base}.0.body.2.1.weight")
    names.norm(f"{base}.0.body.2.2", f"{base}.1")


def read(source: Source, layer: str, base: str, dim: int, eps: float) -> Dense:
    """Return a RepConv as one layer that sees 3 x 3 places, with the normalisation behind it."""
    became, body = f"folded into {layer}", f"{base}.0.body"
    weight, bias = collapse(
        source.matrix(f"{body}.0.weight", became, dim, dim),
        source.norm(f"{body}.1.bn", became, dim, eps),
        source.take(f"{body}.2.0.weight", became, (dim, 1, 3, 3)),
        source.matrix(f"{body}.2.1.weight", became, dim, dim),
        source.norm(f"{body}.2.2", became, dim, eps),
    )
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise source.refuse(f"{body}.2.1.weight", "must be smaller to be multiplied by the others")
    return Dense(weight, bias, source.norm(f"{base}.1", became, dim, eps))


def collapse(
    first: Reals, inner: Norm, own: Reals, last: Reals, outer: Norm
) -> tuple[Reals, Reals]:
    """Return weights (outputs, 9 inputs) and bias of a RepConv, the bias for every place alike.

    Its first convolution, of one place, has no bias, and the frame around what its normalisation
    gives is what that gives for 0 (``BNAndPadLayer``). So it is as if its *input* had a frame of
    zeros, and one convolution with such a frame does the same at the edge too. A frame of zeros
    behind the normalisation would not. Roots of variances stand between the products, so these are
    of float64, rounded once to float32.

    Ref: X. Ding et al., RepVGG, CVPR 2021, section 3.3; BICLab/Spike-Driven-Transformer-V2,
    ``classification/models.py``, ``RepConv``.

    Parameters
    ----------
    first : numpy.ndarray
        Convolution of one place, (M, inputs).
    inner : Norm
        Behind it.
    own : numpy.ndarray
        3 x 3 places of each channel alone, (M, 1, 3, 3).
    last : numpy.ndarray
        Convolution of one place, (outputs, M).
    outer : Norm
        Behind it.
    """
    gain, shift = inner.affine
    end, offset = outer.affine
    before = first.astype(np.float64) * gain[:, None]
    behind = last.astype(np.float64) * end[:, None]
    kernels = own.astype(np.float64).reshape(len(own), _PLACES)
    weight = np.stack([(behind * kernel) @ before for kernel in kernels.T], axis=2)
    bias = behind @ (kernels.sum(axis=1) * shift) + offset
    return weight.reshape(len(weight), -1).astype(np.float32), bias.astype(np.float32)
