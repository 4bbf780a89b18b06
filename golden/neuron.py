"""Spiking neurons on integers, in the floor form.

Ref: SpikingJelly ``LIFNode`` and ``IFNode`` with v_reset 0 or None.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.neuron import NeuronDesign

__all__ = ["NeuronSpec"]


@dataclass(frozen=True)
class NeuronSpec:
    """An integer neuron with the spikes of the real-valued one.

    With a = (2**shift - 1) W + X 2**fraction for ``lif``, a = W + X 2**fraction for ``if``::

        fires when a >= threshold
        W' = (0 or a - threshold when it fired, else a) >> shift

    Parameters
    ----------
    kind : str
        ``"lif"`` or ``"if"``.
    shift : int
        log2(tau) for lif; 0 for if.
    fraction : int
        Fraction bits of the membrane W; the drive X has none.
    threshold : int
        In units of 2**-fraction.
    reset : str
        ``"hard"`` (to zero) or ``"soft"`` (less the threshold).
    """

    kind: str
    shift: int
    fraction: int
    threshold: int
    reset: str

    @classmethod
    def from_design(cls, design: NeuronDesign, head: int = 0) -> "NeuronSpec":
        """Fold scale and threshold of a head into one integer threshold, with the fewest bits.

        Exact for every design but soft resets whose threshold no binary fraction holds; there the
        threshold is rounded up and the design carries a warning. Heads differ in the threshold
        alone: all have the fraction bits of the head that needs most, and more bits than the
        fewest are exact too.
        """
        if design.neuron == "none":
            raise ValueError("Neuron must be 'lif' or 'if', not 'none'")
        shift = design.tau.bit_length() - 1 if design.neuron == "lif" else 0
        thresholds = design.thresholds_exact
        how = (design.neuron, shift, design.steps, design.reset)
        fraction = max(_fraction(*how, real) for real in set(thresholds))
        real = thresholds[head]
        threshold = -(-real.numerator * (1 << fraction) // real.denominator)
        return cls(design.neuron, shift, fraction, threshold, design.reset)

    @classmethod
    def make(
        cls,
        kind: Literal["lif", "if"],
        *,
        tau: int,
        steps: int,
        reset: Literal["hard", "soft"],
        threshold: Fraction,
    ) -> "NeuronSpec":
        """Choose the fewest fraction bits for a threshold in units of the drive."""
        shift = tau.bit_length() - 1 if kind == "lif" else 0
        fraction = _fraction(kind, shift, steps, reset, threshold)
        integer = -(-threshold.numerator * (1 << fraction) // threshold.denominator)
        return cls(kind, shift, fraction, integer, reset)

    @property
    def saturate(self) -> int | None:
        """The least drive that always fires and leaves nothing: None with soft reset."""
        return None if self.reset == "soft" else -(-self.threshold >> self.fraction)

    def step(self, w: Any, x: Any) -> tuple[Any, Any]:
        """Advance one time step: membrane and drive in, spike and membrane out; ints or arrays.

        >>> NeuronSpec("lif", 1, 0, 8, "hard").step(2, 5)
        (0, 3)
        """
        a = (max(1, (1 << self.shift) - 1)) * w + (x << self.fraction)
        after = 0 if self.reset == "hard" else a - self.threshold
        if isinstance(a, np.ndarray):
            fired = a >= self.threshold
            return fired.astype(np.uint8), np.where(fired, after, a) >> self.shift
        return (1, after >> self.shift) if a >= self.threshold else (0, a >> self.shift)

    def fits(self, greatest: int, steps: int) -> bool:
        """Whether 64 bits hold every number of a run, for drives of at most this magnitude.

        None grows by more than the drive and the threshold in a step, so that all stay within
        2 T times the greater of them; 2**shift, and a factor of two, are to spare.

        >>> spec = NeuronSpec("if", 0, 0, 5, "soft")
        >>> spec.fits((1 << 58) - 1, 8), spec.fits(1 << 58, 8)
        (True, False)
        """
        largest = max(greatest << self.fraction, self.threshold, 1)
        return largest * 2 * (steps << self.shift) < 1 << 62

    def run(self, drive: ArrayLike) -> NDArray[np.uint8]:
        """Return the spikes for a drive of shape (T, ...), from a membrane of zero.

        >>> NeuronSpec("lif", 1, 0, 8, "hard").run([5, 6, 1, 9]).tolist()
        [0, 1, 0, 1]
        """
        x = np.asarray(drive)
        greatest = max(int(x.max(initial=0)), -int(x.min(initial=0)))
        # Python's integers where 64 bits could overflow: slow, and right.
        x = x.astype(np.int64 if self.fits(greatest, len(x)) else object)
        w = np.zeros(x.shape[1:], dtype=x.dtype)
        spikes = np.zeros(x.shape, dtype=np.uint8)
        for t in range(len(x)):
            spikes[t], w = self.step(w, x[t])
        return spikes


def _fraction(kind: str, shift: int, steps: int, reset: str, real: Fraction) -> int:
    """Return the fewest fraction bits of a membrane that are exact for a threshold."""
    below = real.denominator
    grid = below.bit_length() - 1 if below & (below - 1) == 0 else None
    # What T-1 halvings of an integer can leave behind the point.
    trail = max(1, shift) * (steps - 1)
    if steps == 1 or (kind == "if" and reset == "hard"):
        return 0
    if shift <= 1:
        fraction = trail if grid is None else grid
        return min(fraction, trail) if reset == "hard" else fraction
    return trail + (grid or 0 if reset == "soft" else 0)
