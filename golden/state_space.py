"""A spiking state-space layer in fixed point: diagonal A, and a gate that integrates and fires.

Ref: ``SpikyStateSpace`` of SC-NeuroCore 3.16::

    h = A h + B x;    y = C h;    v += y;    s = v >= threshold;    v -= threshold s
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.state_space.design import StateSpaceDesign
from spikeloom.design.state_space.fixed import fixed, spans, width
from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.layout import Loop, Part, Stream
from spikeloom.golden.model import Model

__all__ = ["StateSpaceModel", "error_bound", "state_space"]

_AXES = "(T, D)"


def state_space(
    design: StateSpaceDesign, x: ArrayLike
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the spikes and y of one sequence, from zero states.

    Integers a, b, c with ``fa``, ``fb``, ``fc`` fraction bits, h with ``fh`` and y with ``fy``::

        h = floor((a h + 2**(fa-1)) / 2**fa) + (b x) 2**(fh-fb)
        y = floor((c h + 2**(k-1)) / 2**k),  k = fh + fc - fy;  y = c h for k = 0

    The products are exact and rounded half up, once. Then v, the threshold and spikes as above, in
    units of y.

    Parameters
    ----------
    design : StateSpaceDesign
        The layer.
    x : array_like
        Spikes or unsigned integers of shape (T, D).

    Returns
    -------
    tuple of ndarray
        Spikes, and y in units of ``2**-y_fraction``; both of shape (T, D).
    """
    inputs = StateSpaceModel(design).inputs[0].check(x).astype(np.int64)
    made, fraction = fixed(design), design.a_fraction_bits
    half = 1 << made.drop >> 1
    h = np.zeros(design.state, dtype=np.int64)
    v = np.zeros(design.dim, dtype=np.int64)
    spikes = np.zeros((design.steps, design.dim), dtype=np.uint8)
    outputs = np.zeros((design.steps, design.dim), dtype=np.int64)
    for t in range(design.steps):
        h = (made.a * h + (1 << fraction - 1) >> fraction) + (made.b @ inputs[t] << made.lift)
        outputs[t] = made.c @ h + half >> made.drop
        v += outputs[t]
        fires = v >= made.threshold
        v[fires] -= made.threshold
        spikes[t] = fires
    return spikes, outputs


def error_bound(design: StateSpaceDesign) -> NDArray[np.float64]:
    """Bound how far y is from that of real A, B and C without any rounding, for every input.

    With e the error of a state and m the size of the real one, each per state and at most::

        e = a e + |a - A| m + |b - B| x + 2**-(fh+1);    m = A m + |B| x
        |y - Y| <= |c| e + |c - C| m + 2**-(fy+1)

    where x is the greatest input. Rounding alone gives e <= 2**-(fh+1) / (1 - a).

    Returns
    -------
    ndarray
        For each step and channel, of shape (T, D), in units of the real y.
    """
    made, given = fixed(design), design.matrices
    real_a, real_b, real_c = (_real(design, name) for name in "abc")
    a = made.a / 2.0**design.a_fraction_bits
    b = made.b / 2.0**design.b_fraction_bits
    c = made.c / 2.0**design.c_fraction_bits
    most = (1 << design.input_bits) - 1
    push = abs(real_b).sum(axis=1) * most
    stray = abs(b - real_b).sum(axis=1) * most + 2.0 ** -(design.h_fraction_bits + 1)
    size = error = np.zeros(design.state)
    bounds = np.zeros((design.steps, design.dim))
    for t in range(design.steps):
        error = a * error + abs(a - real_a) * size + stray
        size = real_a * size + push
        bounds[t] = abs(c) @ error + abs(c - real_c) @ size
    exact = made.drop == 0 and all(given.is_integer(name) for name in "abc")
    return bounds if exact else bounds + 2.0 ** -(design.y_fraction + 1)


def _real(design: StateSpaceDesign, name: str) -> NDArray[np.float64]:
    """Return a matrix as it was meant: integers count in units of their last bit."""
    unit = getattr(design, f"{name}_fraction_bits") if design.matrices.is_integer(name) else 0
    real: NDArray[np.float64] = design.matrices.real(name) / 2.0**unit
    return real


class StateSpaceModel(Model[StateSpaceDesign]):
    """A sequence of D inputs a step in, D spikes or numbers a step out.

    In, token by token: bit b of channel c of an input of w bits is bit w c + b of the token, whose
    bit n lies at bit n % B of beat n // B. Spikes out in the same order with w = 1; y channel by
    channel, whole beats of a two's complement number, low beat first.

    Parameters
    ----------
    design : StateSpaceDesign
        The layer.
    """

    @property
    def _shape(self) -> tuple[int, ...]:
        return (self._design.steps, self._design.dim)

    @property
    def inputs(self) -> tuple[ArraySpec, ...]:
        """The sequence x."""
        return (ArraySpec("x", _AXES, self._shape, 0, (1 << self._design.input_bits) - 1),)

    @property
    def output(self) -> ArraySpec:
        """Spikes, or y in units of its last fraction bit."""
        if self._design.output == "spikes":
            return ArraySpec("spikes", _AXES, self._shape)
        low, high = spans(self._design).y
        return ArraySpec("y", _AXES, self._shape, min(low, -1), high)

    def answer(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return spikes or y."""
        spikes, y = state_space(self._design, arrays["x"])
        return spikes if self._design.output == "spikes" else y.astype(self.output.dtype)

    def _stream(self, spec: ArraySpec, order: tuple[str, ...], bits: int) -> Stream:
        axes = dict(zip(("step", "channel"), self._shape, strict=True))
        part = Part(spec, axes, "channel", order, bits, self._design.beat)
        return Stream(Loop(("step",), (part,)))

    @property
    def stream_in(self) -> Stream:
        """Inputs, bit after bit, token by token."""
        return self._stream(self.inputs[0], ("beat",), self._design.input_bits)

    @property
    def stream_out(self) -> Stream:
        """Spikes, or y in whole beats, token by token."""
        if self._design.output == "spikes":
            return self._stream(self.output, ("beat",), 1)
        return self._stream(self.output, ("channel", "beat"), width(*spans(self._design).y))

    def describe(self) -> dict[str, Any]:
        """Describe beats and widths."""
        design, made = self._design, fixed(self._design)
        bits = "token by token, bit b of channel c at bit w c + b of the token, low beat first"
        number = "token by token, channel by channel, two's complement, low beat first"
        out = self.output.name
        found = spans(design)
        numbers: dict[str, Any] = {
            name: {"bits": wide, "fraction": fraction, "signed": name != "a"}
            for name, wide, fraction in (
                ("a", design.a_fraction_bits + 1, design.a_fraction_bits),
                ("b", design.b_bits, design.b_fraction_bits),
                ("c", design.c_bits, design.c_fraction_bits),
            )
        }
        for name, fraction in (
            ("h", design.h_fraction_bits),
            ("y", design.y_fraction),
            ("v", design.y_fraction),
        ):
            low, high = getattr(found, name)
            numbers[name] = {
                "low": low, "high": high, "bits": width(low, high), "fraction": fraction,
                "signed": True,
            }  # fmt: skip
        numbers["threshold"] = made.threshold
        numbers["rounded"] = dict(zip("abc", made.rounded, strict=True))
        numbers["error_of_y_at_most"] = float(error_bound(design).max())
        return {
            "beats": self.describe_beats(
                "token by token",
                {"sections": [{"name": "x", "beats": design.beats_in, "order": bits}]},
                {
                    "sections": [
                        {
                            "name": out,
                            "beats": self.beats_out // design.steps,
                            "order": bits if out == "spikes" else number,
                        }
                    ]
                },
            ),
            "numbers": numbers,
        }
