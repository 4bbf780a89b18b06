"""Spiking neurons on integers, in the floor form.

Ref: SpikingJelly ``LIFNode`` and ``IFNode`` with v_reset 0 or None; ``V * decay + X``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.neuron import FiringKeys

__all__ = ["NeuronSpec"]


@dataclass(frozen=True)
class NeuronSpec:
    """An integer neuron with the spikes of the real-valued one.

    With a = keep W + X 2**fraction::

        fires when a >= threshold
        W' = (0 or a - subtracted when it fired, else a) / divisor, rounded down, or up

    keep / divisor is what a real membrane keeps in a step, in lowest terms, and 1 without leak.

    Parameters
    ----------
    kind : str
        ``"lif"`` or ``"if"``.
    shift : int
        Twos in the divisor: log2(tau) where tau is a power of two, 0 for if.
    fraction : int
        Fraction bits of the membrane W; the drive X has none.
    threshold : int
        In units of 2**-fraction.
    reset : str
        ``"hard"`` (to zero) or ``"soft"`` (less the threshold).
    odd : int
        The divisor without its twos.
    keep : int
        By default divisor - 1, the leak of an integer tau, or 1 where that is 0.
    up : bool
        Whether membranes are rounded up: the form of a neuron that fires above its threshold.
    """

    kind: str
    shift: int
    fraction: int
    threshold: int
    reset: str
    odd: int = 1
    keep: int = 0
    up: bool = False

    def __post_init__(self) -> None:
        """Settle what is kept."""
        if not self.keep:
            object.__setattr__(self, "keep", max(1, self.divisor - 1))

    @classmethod
    def from_design(cls, design: FiringKeys, head: int = 0) -> "NeuronSpec":
        """Fold scale and threshold of a head into one integer threshold, with the fewest bits.

        Exact for every design but soft resets whose threshold no binary fraction holds; there the
        threshold is rounded up and the design carries a warning. Heads differ in the threshold
        alone: all have the fraction bits of the head that needs most, and more bits than the
        fewest are exact too.
        """
        return cls.each(design)[head]

    @classmethod
    def each(cls, design: FiringKeys) -> "tuple[NeuronSpec, ...]":
        """Return the neuron of every head, likewise, or of every channel where these differ."""
        if design.neuron == "none":
            raise ValueError("Neuron must be 'lif' or 'if', not 'none'")
        thresholds = design.thresholds_exact
        made = [
            cls.make(
                "lif" if design.neuron == "lif" else "if",
                leak=design.leak,
                steps=design.steps,
                reset=design.reset,
                threshold=real,
                fires=design.fires,
            )
            for real in dict.fromkeys(thresholds)
        ]
        fraction = max(spec.fraction for spec in made)
        found = {real: made[0].at(real, design.steps, fraction) for real in set(thresholds)}
        return tuple(found[real] for real in thresholds)

    @classmethod
    def make(
        cls,
        kind: Literal["lif", "if"],
        *,
        leak: Fraction,
        steps: int,
        reset: str,
        threshold: Fraction,
        fires: str = "at",
    ) -> "NeuronSpec":
        """Choose the fewest fraction bits for a threshold in units of the drive.

        ``leak`` is keep / divisor. In T steps real membranes are multiples of a grid, 1 over
        divisor**(T - 1). Rounding changes no spike

        * where it does not happen: the divisor is a power of two, and there are bits for the grid;
        * where keep is 1 and the fraction bits hold the threshold TH: a >= TH if and only if
          floor(a) >= TH, and floor(floor(a) / divisor) = floor(a / divisor), so that W is the floor
          of the real membrane in every step, and a soft reset takes the same TH from both;
        * where its error D is allowed for. In the first step a is exact; a division leaves at most
          (divisor - 1) / divisor behind, and so in each step D becomes
          (D + divisor - 1) keep / divisor. The real neuron fires from a multiple of the grid on:
          the first that is not below TH. So does this one if it fires from that less D on, and if
          D is below the grid, which takes enough fraction bits.

        With a soft reset the fraction bits hold TH, the grid is that of TH beside the above, and
        TH itself is compared with. D is nothing where a is TH: a fraction that is no binary one
        never leaves a membrane again, since keep and divisor have no common factor, and binary ones
        are held. Above TH, a is so by more than D.

        For a neuron that fires above its threshold all signs turn: membranes are rounded up, and
        a > TH if and only if ceil(a) > TH.

        >>> leak = Fraction(1, 3)  # of tau 3/2
        >>> made = NeuronSpec.make("lif", leak=leak, steps=4, reset="hard", threshold=Fraction(6))
        >>> made.fraction, made.threshold, made.run([5, 5, 5, 4]).tolist()
        (0, 6, [0, 1, 0, 0])
        """
        divisor = leak.denominator
        shift = (divisor & -divisor).bit_length() - 1
        up = fires == "above"
        bare = cls(kind, shift, 0, 0, reset, divisor >> shift, leak.numerator, up)
        return bare.at(threshold, steps, bare._fewest(threshold, steps))

    def at(self, real: Fraction, steps: int, fraction: int) -> "NeuronSpec":
        """Give a threshold in units of the drive to the same neuron, and enough fraction bits."""
        if self.reset == "soft" and steps > 1:
            threshold = ceil(real * (1 << fraction)) + self.up
        elif self.up:
            threshold = 1 - self._least(-real, steps, fraction)
        else:
            threshold = self._least(real, steps, fraction)
        return replace(self, fraction=fraction, threshold=threshold)

    @property
    def divisor(self) -> int:
        """What a membrane is divided by in a step."""
        return self.odd << self.shift

    @property
    def rise(self) -> int:
        """What is added before a division that rounds down, so that it rounds as it should."""
        return self.divisor - 1 if self.up else 0

    @property
    def subtracted(self) -> int:
        """What a soft reset takes away."""
        return self.threshold - self.up

    @property
    def saturate(self) -> int | None:
        """The least drive that always fires and leaves nothing: None with soft reset."""
        return None if self.reset == "soft" else -(-self.threshold >> self.fraction)

    def step(self, w: Any, x: Any, threshold: Any = None) -> tuple[Any, Any]:
        """Advance one time step: membrane and drive in, spike and membrane out; ints or arrays.

        ``threshold``: those of neurons that differ in it alone, instead of one.

        >>> NeuronSpec("lif", 1, 0, 8, "hard").step(2, 5)
        (0, 3)
        """
        threshold = self.threshold if threshold is None else threshold
        a = self.keep * w + (x << self.fraction)
        after = 0 if self.reset == "hard" else a - threshold + self.up
        if isinstance(a, np.ndarray):
            fired = a >= threshold
            return fired.astype(np.uint8), self.divide(np.where(fired, after, a))
        return (1, self.divide(after)) if a >= threshold else (0, self.divide(a))

    def divide(self, a: Any) -> Any:
        """Divide by ``divisor`` and round, ints or arrays.

        >>> [NeuronSpec("lif", 1, 0, 8, "hard", odd=3, up=up).divide(-7) for up in (False, True)]
        [-2, -1]
        """
        shifted = (a + self.rise) >> self.shift
        return shifted if self.odd == 1 else shifted // self.odd

    def fits(self, greatest: int, steps: int) -> bool:
        """Whether 64 bits hold every number of a run, for drives of at most this magnitude.

        None grows by more than the drive and the threshold in a step, so that all stay within
        2 T times the greater of them; the divisor, and a factor of two, are to spare.

        >>> spec = NeuronSpec("if", 0, 0, 5, "soft")
        >>> spec.fits((1 << 58) - 1, 8), spec.fits(1 << 58, 8)
        (True, False)
        """
        largest = max(greatest << self.fraction, self.threshold, self.subtracted, 1)
        return largest * 2 * steps * self.divisor < 1 << 62

    def run(self, drive: ArrayLike, thresholds: Sequence[int] = ()) -> NDArray[np.uint8]:
        """Return the spikes for a drive of shape (T, ...), from a membrane of zero.

        ``thresholds``: those of neurons that differ in it alone, along the last axis.

        >>> NeuronSpec("lif", 1, 0, 8, "hard").run([5, 6, 1, 9]).tolist()
        [0, 1, 0, 1]
        """
        x = np.asarray(drive)
        greatest = max(int(x.max(initial=0)), -int(x.min(initial=0)))
        highest = replace(self, threshold=max(thresholds, default=self.threshold))
        # Python's integers where 64 bits could overflow: slow, and right.
        x = x.astype(np.int64 if highest.fits(greatest, len(x)) else object)
        threshold = np.array(thresholds, dtype=x.dtype) if thresholds else None
        w = np.zeros(x.shape[1:], dtype=x.dtype)
        spikes = np.zeros(x.shape, dtype=np.uint8)
        for t in range(len(x)):
            spikes[t], w = self.step(w, x[t], threshold)
        return spikes

    def _error(self, steps: int) -> Fraction:
        """How far a can be from the real one in ``steps`` steps, in units of 2**-fraction."""
        error = Fraction(0)
        for _ in range(steps - 1):
            error = (error + self.divisor - 1) * Fraction(self.keep, self.divisor)
        return error

    def _least(self, real: Fraction, steps: int, fraction: int) -> int:
        """Return the least integer that is to fire, where a real number fires from ``real`` on."""
        unit = 1 << fraction
        if self.odd == 1 or (self.keep == 1 and (real * unit).denominator == 1):
            return ceil(real * unit)
        grid = self.divisor ** (steps - 1)
        return ceil(Fraction(ceil(real * grid) * unit, grid) - self._error(steps))

    def _fewest(self, real: Fraction, steps: int) -> int:
        """Return the fewest fraction bits of a membrane that are exact for a threshold."""
        below = real.denominator
        bits = below.bit_length() - 1 if below & (below - 1) == 0 else None
        hard = self.reset == "hard"
        if steps == 1 or (self.kind == "if" and hard):
            return 0
        if self.odd == 1:
            # What T-1 divisions of an integer can leave behind the point.
            enough = max(1, self.shift) * (steps - 1)
        else:
            enough = floor(self._error(steps) * self.divisor ** (steps - 1)).bit_length()
        if self.keep > 1:
            return enough + (0 if hard else bits or 0)
        if bits is None:
            return enough
        return min(bits, enough) if hard else bits
