"""Rate-coded attention: rates to spikes by IF neurons with soft reset, and drives over time.

Ref: anulum/sc-neurocore, ``transformers/spikformer.py``, ``SpikeDrivenAttention``.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.rate import RateDesign
from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.integer import formula as integer
from spikeloom.golden.layout import Loop, Part, Stream
from spikeloom.golden.model import Model
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


class RateModel(Model[RateDesign]):
    """Rates q and k and integers v in, the drive out.

    Beats: k channel by channel, q token by token, v token by token, packed as
    :mod:`spikeloom.golden.integer.model` does; the drive token by token, channel by channel.

    Parameters
    ----------
    design : RateDesign
        The layer.
    """

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
    def _width(self) -> int:
        return bits(*drive_range(self._design))[0]

    @property
    def stream_in(self) -> Stream:
        """The sections, once."""
        axes = {"token": self._design.tokens, "channel": self._design.dim}
        specs = {spec.name: spec for spec in self.inputs}
        rows = {"k": ("token", "channel"), "q": ("channel", "token"), "v": ("channel", "token")}
        parts = (
            Part(specs[name], axes, rows[name][0], (rows[name][1], "beat"), width, width * per)
            for name, (_, _, width, per) in self._sections.items()
        )
        return Stream(Loop((), tuple(parts)))

    @property
    def stream_out(self) -> Stream:
        """The drive in whole beats, token by token, channel by channel."""
        axes = {"token": self._design.tokens, "channel": self._design.dim}
        order = ("token", "channel", "beat")
        part = Part(self.output, axes, "channel", order, self._width, self._design.beat)
        return Stream(Loop((), (part,)))

    def describe(self) -> dict[str, Any]:
        """Describe beats and widths."""
        design = self._design
        low, high = drive_range(design)
        sections = [
            {
                "name": name,
                "beats": rows * -(-values // per),
                "order": f"{'channel by channel' if name == 'k' else 'token by token'}, value n of "
                f"a row at bit {width} * (n % {per}) of beat n // {per}",
                "bits": width,
                "signed": name == "v",
            }
            for name, (rows, values, width, per) in self._sections.items()
        ]
        order = "token by token, channel by channel, two's complement, low beat first"
        out = {"name": "drive", "beats": self.beats_out, "order": order, "bits": self._width}
        return {
            "beats": self.describe_beats(
                "the sections, once", {"sections": sections}, {"sections": [out]}
            ),
            "numbers": {
                "threshold": int(design.threshold_exact),
                "accumulate": design.accumulate,
                "drive": {"low": low, "high": high, "bits": self._width, "signed": True},
                "divide_drive_by": f"{design.steps} * max(sqrt({design.dim} / {design.heads}), 1)",
            },
        }
