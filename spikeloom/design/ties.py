"""Where float32 code may answer otherwise than exact arithmetic: drives exactly at a threshold."""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

__all__ = ["Floats", "neighbours", "tie_warnings"]

Floats = tuple[float, float, float]


def neighbours(value: Fraction) -> Floats | None:
    """Return the float32 numbers below, nearest to and above a number; None where it is one.

    Parameters
    ----------
    value : Fraction
        A positive number in the range of float32.

    >>> neighbours(Fraction(1, 8)) is None, neighbours(Fraction(1, 56))[:2]
    (True, (0.0178571417927742, 0.01785714365541935))
    """
    # Twice rounded only where float64 falls on the middle of two float32 numbers.
    guess = np.float32(float(value))
    around = [np.nextafter(guess, np.float32(0)), guess, np.nextafter(guess, np.float32(math.inf))]
    exact = [Fraction(float(number)) for number in around]
    if value in exact:
        return None
    nearest = min(exact, key=lambda number: abs(number - value))
    below = max(number for number in exact if number < value)
    above = min(number for number in exact if number > value)
    return float(below), float(nearest), float(above)


def tie_warnings(
    scales: Iterable[Fraction],
    thresholds: Iterable[Fraction],
    grid: int,
    what: str = "the threshold",
) -> Iterator[str]:
    """Yield a warning for every scale with which float32 code may miss a drive at the threshold.

    That takes a scale which is no float32 number, and a threshold on the grid of drives and
    membranes, so that some input can meet it exactly.

    Parameters
    ----------
    scales, thresholds : iterable of Fraction
        A scale, and the threshold in units of the integer drive that follows from it, a head.
    grid : int
        What membranes are multiples of is 1 over this: 1 without a leak, divisor**(T - 1) with one.
    what : str
        What lies on the drive.
    """
    for scale, tie in dict.fromkeys(zip(scales, thresholds, strict=True)):
        floats = neighbours(scale)
        if floats is None or grid % tie.denominator:
            continue
        below, nearest, above = floats
        low, high = (" (the nearest)" * (number == nearest) for number in (below, above))
        yield (
            f"scale: {scale} is no float32 number and puts {what} exactly on a drive of {tie}, "
            f"where float32 code may fall on either side; write the number that the code holds: "
            f"{below!r}{low} stays under it there, {above!r}{high} reaches it"
        )
