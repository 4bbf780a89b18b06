"""Rate-coded attention: rates to spikes by IF neurons with soft reset, and drives over time.

Ref: anulum/sc-neurocore, ``transformers/spikformer.py``, ``SpikeDrivenAttention``.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.rate import RateDesign
from spikeloom.golden.integer import formula as integer
from spikeloom.golden.integer.model import from_parts, to_beats
from spikeloom.golden.model import ArraySpec, Model
from spikeloom.golden.ranges import bits

__all__ = ["RateModel", "attention", "drive_range", "encode", "encode_float64", "spikes"]


def encode(rates: ArrayLike, steps: int, threshold: int) -> NDArray[np.uint8]:
    """Return the spikes (T, ...) of neurons that add their rate once a step.

    A neuron fires where its sum reaches the threshold, which is then taken away from it.

    >>> encode([3, 8, 20], 4, 8).tolist()
    [[0, 1, 1], [0, 1, 1], [1, 1, 1], [0, 1, 1]]
    """
    rate = np.asarray(rates, dtype=np.int64)
    spikes = np.zeros((steps, *rate.shape), dtype=np.uint8)
    v = np.zeros_like(rate)
    for t in range(steps):
        v = v + rate
        spikes[t] = v >= threshold
        v = v - threshold * spikes[t].astype(np.int64)
    return spikes


def encode_float64(
    rates: ArrayLike, steps: int, threshold: Fraction, fraction: int
) -> NDArray[np.uint8]:
    """Return the spikes (T, ...) of the same neurons as the published code adds them up.

    Parameters
    ----------
    rates : array of integers
        Rates, in units of 2**-fraction, from 0.
    steps : int
        T; a rate / T is added once a step, in float64.
    threshold : Fraction
        Threshold in the units that the rates stand for, rounded to float64.
    fraction : int
        Fraction bits of a rate.

    Six sixths are less than one:

    >>> encode_float64([32], 6, Fraction(1), 5).T.tolist(), encode([32], 6, 6 * 32).T.tolist()
    ([[0, 0, 0, 0, 0, 0]], [[0, 0, 0, 0, 0, 1]])
    """
    rate = np.asarray(rates, dtype=np.float64) / (1 << fraction) / steps
    made = np.zeros((steps, *rate.shape), dtype=np.uint8)
    v, limit = np.zeros_like(rate), float(threshold)
    for t in range(steps):
        v = v + rate
        made[t] = v >= limit
        v = v - made[t] * limit
    return made


def spikes(design: RateDesign, rates: ArrayLike) -> NDArray[np.uint8]:
    """Return the spikes (T, ...) of integer rates, as the design's ``accumulate`` adds them up."""
    if design.accumulate == "float64":
        return encode_float64(rates, design.steps, design.threshold, design.rate_fraction)
    return encode(rates, design.steps, int(design.threshold_exact))


def drive_range(design: RateDesign) -> tuple[int, int]:
    """Return the least and greatest sum of drives."""
    low, high = integer.ranges(design.inner).drive
    return design.steps * low, design.steps * high


def inputs(design: RateDesign) -> tuple[ArraySpec, ArraySpec, ArraySpec]:
    """Describe q, k and v."""
    shape, top = (design.tokens, design.dim), (1 << design.rate_bits) - 1
    low, high = design.inner.v_range
    return (
        ArraySpec("q", "(N, D)", shape, 0, top),
        ArraySpec("k", "(N, D)", shape, 0, top),
        ArraySpec("v", "(N, D)", shape, low, high),
    )


def attention(design: RateDesign, q: ArrayLike, k: ArrayLike, v: ArrayLike) -> NDArray[np.int64]:
    """Return the drive (N, D), summed over the steps.

    The published output before its last projection is this over T max(sqrt(D / heads), 1), in units
    of v. Rates are integers r that stand for r / 2**rate_fraction; what is below zero there is 0.
    """
    given = zip(inputs(design), (q, k, v), strict=True)
    q, k, v = (spec.check(array).astype(np.int64) for spec, array in given)
    total = np.zeros(v.shape, dtype=np.int64)
    for s_q, s_k in zip(*(spikes(design, x) for x in (q, k)), strict=True):
        total += (s_q.astype(np.int64) @ s_k.T.astype(np.int64)) @ v
    return total


class RateModel(Model):
    """Rates q and k and integers v in, the drive out.

    Beats: k channel by channel, q token by token, v token by token, packed as
    :mod:`spikeloom.golden.integer.model` does; the drive token by token, channel by channel.

    Parameters
    ----------
    design : RateDesign
        The layer.
    """

    def __init__(self, design: RateDesign):
        self._design = design

    @property
    def design(self) -> RateDesign:
        """The layer."""
        return self._design

    @property
    def inputs(self) -> tuple[ArraySpec, ...]:
        """The rates q and k, and v."""
        return inputs(self._design)

    @property
    def output(self) -> ArraySpec:
        """The drive."""
        design = self._design
        return ArraySpec("drive", "(N, D)", (design.tokens, design.dim), *drive_range(design))

    def answer(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return the drive."""
        found = attention(self._design, arrays["q"], arrays["k"], arrays["v"])
        return found.astype(self.output.dtype)

    @property
    def _sections(self) -> dict[str, tuple[int, int, int, int]]:
        """Rows, values a row, bits a value and values a beat of k, q and v."""
        design = self._design
        tokens, dim, width, value = design.tokens, design.dim, design.rate_bits, design.v_bits
        per, v_per = design.inner.per_beat(width), design.inner.per_beat(value)
        return {
            "k": (dim, tokens, width, per),
            "q": (tokens, dim, width, per),
            "v": (tokens, dim, value, v_per),
        }

    @property
    def _counts(self) -> dict[str, int]:
        return {
            name: rows * -(-values // per)
            for name, (rows, values, _, per) in self._sections.items()
        }

    @property
    def _width(self) -> int:
        return bits(*drive_range(self._design))[0]

    @property
    def _parts(self) -> int:
        return -(-self._width // self._design.beat)

    @property
    def beats_in(self) -> int:
        """Beats of k, q and v."""
        return sum(self._counts.values())

    @property
    def beats_out(self) -> int:
        """Beats of the drive."""
        return self._design.tokens * self._design.dim * self._parts

    def pack(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.uint64]:
        """Return the input beats of one inference."""
        specs = {spec.name: spec for spec in self.inputs}
        parts = []
        for name, (_, _, width, per) in self._sections.items():
            x = specs[name].check(arrays[name])
            parts.append(to_beats(x.T if name == "k" else x, width, per).reshape(-1))
        return np.concatenate(parts)

    def unpack(self, beats: ArrayLike) -> NDArray[Any]:
        """Return the drive from the output beats of one inference."""
        design = self._design
        array = np.asarray(beats, dtype=np.uint64)
        if array.shape != (self.beats_out,):
            raise ValueError(f"Beats must be of shape {(self.beats_out,)!r}, not {array.shape!r}")
        parts = array.reshape(design.tokens, design.dim, self._parts)
        return from_parts(parts, design.beat, self._width, True).astype(self.output.dtype)

    def describe(self) -> dict[str, Any]:
        """Describe beats and widths."""
        design = self._design
        low, high = drive_range(design)
        sections = [
            {
                "name": name,
                "beats": self._counts[name],
                "order": f"{'channel by channel' if name == 'k' else 'token by token'}, value n of "
                f"a row at bit {width} * (n % {per}) of beat n // {per}",
                "bits": width,
                "signed": name == "v",
            }
            for name, (_, _, width, per) in self._sections.items()
        ]
        order = "token by token, channel by channel, two's complement, low beat first"
        out = {"name": "drive", "beats": self.beats_out, "order": order, "bits": self._width}
        return {
            "beats": {
                "width": design.beat,
                "order": "the sections, once",
                "in": {
                    "sections": sections,
                    "beats": self.beats_in,
                    "last": "not looked at: the number of beats decides",
                },
                "out": {
                    "sections": [out],
                    "beats": self.beats_out,
                    "last": "high on the last beat of an inference",
                },
            },
            "numbers": {
                "threshold": int(design.threshold_exact),
                "accumulate": design.accumulate,
                "drive": {"low": low, "high": high, "bits": self._width, "signed": True},
                "divide_drive_by": f"{design.steps} * max(sqrt({design.dim} / {design.heads}), 1)",
            },
        }
