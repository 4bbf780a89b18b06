"""A gain and an offset a channel between the attention and its neuron: folded batch norm."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationInfo, model_validator

from spikeloom.arrays import Archive
from spikeloom.design.read import DesignError, show
from spikeloom.design.values import Factors, Offsets, Section
from spikeloom.errors import words
from spikeloom.files import FormatError

__all__ = ["Norm", "Normed", "check_norm", "join", "offset_warnings"]

_NAMES = ("gain", "offset")
# Bounds of their magnitudes, those of the keys.
_BOUNDS = {"gain": (1e-6, 1e6), "offset": (0.0, 1e6)}
# Of the widest layer.
_MOST_NUMBERS = 8192


class Norm(Section):
    """The neuron of channel c sees gain[c] scale X + offset[c]."""

    gain: Factors = Field(
        default=Fraction(1),
        description="Factor on a channel behind the scale, one or one a channel: gamma / "
        "sqrt(var + eps) of batch norm.",
    )
    offset: Offsets = Field(
        default=Fraction(0),
        description="What is added in every step, likewise: beta - mean gain; rounded to bits.",
    )
    bits: int = Field(
        default=3,
        ge=0,
        le=16,
        description="Fraction bits of offset / (scale gain), the offset in units of the sum.",
    )
    file: str | None = Field(
        default=None, description="NPZ file with arrays gain and offset (dim), or one of them."
    )

    @model_validator(mode="before")
    @classmethod
    def _read_file(cls, data: object, info: ValidationInfo) -> object:
        if not isinstance(data, dict) or data.get("file") is None:
            return data
        beside = [name for name in _NAMES if name in data]
        if beside:
            raise DesignError("file", show(data["file"]), f"must not stand beside {beside[0]}")
        return data | _load(data["file"], (info.context or {}).get("folder", Path()))

    @property
    def plain(self) -> bool:
        """Whether it changes nothing: gains of 1 and offsets of 0."""
        return {1} == set(_list(self.gain)) and {0} == set(_list(self.offset))

    def of_heads(self, heads: slice, head_dim: int) -> Self:
        """Return the numbers of some of the heads, of so many channels each."""
        changes = {}
        for name in _NAMES:
            numbers = getattr(self, name)
            if isinstance(numbers, tuple):
                starts = range(0, len(numbers), head_dim)[heads]
                changes[name] = tuple(n for at in starts for n in numbers[at : at + head_dim])
        return self.model_copy(update=changes)


@dataclass(frozen=True)
class Normed:
    """What the neuron of each channel counts when all is divided by what the sum counts.

    gain scale X + offset reaches a threshold exactly where sign X + offset / size reaches the
    threshold / size, with size = abs(gain scale): no product is left.

    Parameters
    ----------
    factors : tuple of Fraction
        gain scale of each channel, in units of the integer drive.
    offsets_exact : tuple of Fraction
        offset / size of each channel, as asked for.
    bits : int
        Fraction bits that these are rounded to, half to even.
    """

    factors: tuple[Fraction, ...]
    offsets_exact: tuple[Fraction, ...]
    bits: int

    @property
    def signs(self) -> tuple[int, ...]:
        """1 or -1: how a channel counts the sum."""
        return tuple(1 if factor > 0 else -1 for factor in self.factors)

    @cached_property
    def rounded(self) -> tuple[Fraction, ...]:
        """The offsets that are computed with, in units of the drive."""
        unit = 1 << self.bits
        return tuple(Fraction(round(offset * unit), unit) for offset in self.offsets_exact)

    @cached_property
    def fraction(self) -> int:
        """The fewest fraction bits that hold all ``rounded``."""
        return max(offset.denominator for offset in self.rounded).bit_length() - 1

    @property
    def offsets(self) -> tuple[int, ...]:
        """``rounded`` in units of 2**-fraction."""
        unit = 1 << self.fraction
        return tuple(int(offset * unit) for offset in self.rounded)

    def thresholds(self, threshold: Fraction) -> tuple[Fraction, ...]:
        """Divide a threshold by the factor of each channel: in units of 2**-fraction."""
        unit = threshold * (1 << self.fraction)
        return tuple(unit / abs(factor) for factor in self.factors)


@lru_cache(maxsize=16)
def join(norm: Norm, scales: tuple[Fraction, ...], head_dim: int, fraction: int) -> Normed:
    """Join gains with the scales of the heads; the drive has ``fraction`` fraction bits."""
    each = [scale / (1 << fraction) for scale in scales for _ in range(head_dim)]
    gains, offsets = (_list(x) * (len(each) // len(_list(x))) for x in (norm.gain, norm.offset))
    factors = tuple(scale * gain for scale, gain in zip(each, gains, strict=True))
    exact = (offset / abs(f) for offset, f in zip(offsets, factors, strict=True))
    return Normed(factors, tuple(exact), norm.bits)


def check_norm(norm: Norm, dim: int, neuron: str) -> None:
    """Raise :exc:`DesignError` where the section does not go with the layer."""
    for name in _NAMES:
        numbers = getattr(norm, name)
        if isinstance(numbers, tuple) and len(numbers) != dim:
            key = "norm.file" if norm.file is not None else f"norm.{name}"
            value = f"{len(numbers)} numbers" if norm.file is None else f"{name} of {len(numbers)}"
            allowed = f"must be one number, or a list of one a channel ({dim})"
            raise DesignError(key, value, allowed)
    if neuron == "none" and norm.model_fields_set:
        reason = "has a meaning with neuron lif and if only: drives leave as integers"
        raise DesignError("norm", "", reason)


def offset_warnings(normed: Normed) -> Iterator[str]:
    """Yield the greatest error of an offset that is rounded."""
    pairs = zip(normed.offsets_exact, normed.rounded, strict=True)
    channel, (asked, exact) = max(enumerate(pairs), key=lambda item: abs(item[1][1] - item[1][0]))
    if asked != exact:
        unit = abs(normed.factors[channel])
        yield (
            f"norm: offset {float(asked * unit):g} of channel {channel} is rounded to "
            f"{float(exact * unit):g}, an error of {float((exact - asked) * unit):+.3g} where one "
            f"more in the sum counts {float(unit):g}"
        )


def _list(numbers: Fraction | tuple[Fraction, ...]) -> tuple[Fraction, ...]:
    return numbers if isinstance(numbers, tuple) else (numbers,)


def _load(name: object, folder: Path) -> dict[str, object]:
    """Read the arrays that the file has, each as a list of exact numbers."""
    if not isinstance(name, str) or not name.endswith(".npz") or "\0" in name:
        raise DesignError("file", show(name), "must be the name of a .npz file")
    found: dict[str, object] = {}
    try:
        with Archive(folder / name) as archive:
            for array in _NAMES:
                if array not in archive.names:
                    continue
                shape, dtype = archive.header(array)
                if len(shape) != 1 or not 0 < math.prod(shape) <= _MOST_NUMBERS:
                    raise FormatError(f"array {array} must be of shape (dim), not {shape}")
                if dtype.kind not in "iuf" or dtype.itemsize > 8:
                    raise FormatError(f"array {array} must hold integers or floats, not {dtype}")
                numbers = archive.array(array)
                least, most = _BOUNDS[array]
                for number in numbers[~((abs(numbers) >= least) & (abs(numbers) <= most))]:
                    allowed = f"must hold numbers of magnitudes from {least:g} to {most:g}"
                    raise FormatError(f"array {array} {allowed}, not {number:g}")
                found[array] = [Fraction(number) for number in numbers.tolist()]
        if not found:
            raise FormatError("must hold an array gain or an array offset")
    except FormatError as error:
        raise DesignError("file", show(name), str(error)) from None
    except (OSError, ValueError) as error:
        allowed = f"must be a file that can be read ({words(error)})"
        raise DesignError("file", show(name), allowed) from None
    return found
