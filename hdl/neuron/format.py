"""How a neuron lies in its accumulator and in its membrane memory."""

from dataclasses import dataclass

from amaranth.hdl import Shape
from amaranth.utils import ceil_log2

from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import Ranges
from spikeloom.hdl.ratio import Quotient

__all__ = ["NeuronFormat"]


@dataclass(frozen=True)
class NeuronFormat:
    """How a neuron lies in its accumulator and in its membrane memory.

    The accumulator starts at an offset, so that it needs no comparator: a neuron fires where one
    bit of it says so.

    ``saturating`` form: bit ``bits`` is sticky and the rest is modulo ``2**bits``, with ``bits``
    large enough for the threshold. It starts at the membrane plus ``2**bits - threshold`` and
    fires where the sticky bit is set. Right for hard reset and scores that are never negative,
    and only if no addend exceeds ``2**bits``, which scores clipped at ``ranges.saturate`` do not.
    Plain form: a signed number, wide enough for every drive, that starts at the membrane less the
    threshold and fires where it is not negative.

    For tau 2 and for neurons without leak the membrane memory holds the start value of the next
    accumulation, which saves one addition of a constant a lane; where more than the membrane itself
    is kept (``spec.keep``), which makes start values much wider, or it is divided by more than a
    power of two, it holds the membrane. With ``apart`` it always does, and the offset is left to
    what else is added to the accumulator.

    Heads with thresholds of their own (``ranges.heads``) have one format, and accumulators that
    start at offsets of their own: the offset is an input of the pieces of a neuron then.

    Channels with numbers of their own (``ranges.channels``) have the plain form, with membranes in
    memory. The accumulator of a channel that counts its scores negatively holds the complement,
    ``-1 - a``, so that its scores are added as well; see
    :class:`~spikeloom.hdl.attention.score.norm.ChannelPreset`.

    Parameters
    ----------
    spec : NeuronSpec
        Integer neuron. Where heads have thresholds of their own, that of any head.
    ranges : Ranges
        Ranges of score, drive and membrane.
    saturating : bool or None
        Form; by default saturating wherever ``ranges.saturate`` says that it is exact.
    apart : bool
        Whether the start value leaves out the offset.

    Members
    -------
    by_head, by_channel : bool
        Whether heads have thresholds of their own, and whether channels have.
    fraction : int
        Bits of the accumulator below those of a score.
    offset : int
        Start value of the accumulator at membrane 0, for the threshold of ``spec``.
    offsets : tuple of int
        That of every head, or channel; one where these do not differ.
    acc_shape : Shape
        Shape of the accumulator.
    membrane_shape : Shape
        Shape of a word of the membrane memory.
    addend_shape : Shape
        Shape of what one score adds, before it is shifted left by ``fraction``.
    """

    spec: NeuronSpec
    ranges: Ranges
    saturating: bool | None = None
    apart: bool = False

    def __post_init__(self) -> None:
        """Settle the form."""
        if self.saturating is None:
            object.__setattr__(self, "saturating", self.ranges.saturate is not None)
        elif self.saturating and self.ranges.saturate is None:
            raise ValueError("Saturating must be False for a drive that must not be clipped")

    @property
    def hard(self) -> bool:
        """Whether a spike clears the membrane."""
        return self.spec.reset == "hard"

    @property
    def bits(self) -> int:
        """Bits of the accumulator below the sticky bit (saturating form)."""
        return max(ceil_log2(max(self._thresholds)), self.spec.fraction)

    @property
    def by_head(self) -> bool:
        """Whether heads have thresholds of their own."""
        return bool(self.ranges.heads)

    @property
    def by_channel(self) -> bool:
        """Whether channels have thresholds, offsets and signs of their own."""
        return bool(self.ranges.channels)

    @property
    def fraction(self) -> int:
        """Bits of the accumulator below those of a score: of the membrane, and of offsets."""
        return self.spec.fraction + self.ranges.shift

    @property
    def _thresholds(self) -> tuple[int, ...]:
        heads = tuple(threshold for threshold, _ in self.ranges.heads)
        return heads or (self.spec.threshold,)

    @property
    def offset(self) -> int:
        """Start value of the accumulator at membrane 0."""
        return ((1 << self.bits) if self.saturating else 0) - self.spec.threshold

    @property
    def offsets(self) -> tuple[int, ...]:
        """Start values of the accumulators of all heads, or channels, at membrane 0."""
        if self.by_channel:
            fraction = self.spec.fraction
            return tuple((c.offset << fraction) - c.threshold for c in self.ranges.channels)
        return tuple(self.offset + self.spec.threshold - own for own in self._thresholds)

    @property
    def offset_shape(self) -> Shape:
        """Shape of an offset that is an input."""
        return Shape.cast(range(min(self.offsets), max(self.offsets) + 1))

    @property
    def stores_start(self) -> bool:
        """Whether the membrane memory holds start values."""
        return self.spec.keep == self.spec.odd == 1 and not (self.apart or self.by_channel)

    @property
    def _membranes(self) -> list[tuple[int, int]]:
        """Lowest and highest membrane of every head between two steps, the first one's 0 too."""
        spans = [channel.membrane for channel in self.ranges.channels]
        spans = spans or [span for _, span in self.ranges.heads] or [self.ranges.membrane]
        return [(min(low, 0), max(high, 0)) for low, high in spans]

    def _span(self, leak: int, offsets: bool) -> tuple[int, int]:
        """Lowest and highest of ``leak`` times a membrane, with or without its offset."""
        pairs = list(zip(self._membranes, self.offsets, strict=True))
        low = min(leak * span[0] + offset * offsets for span, offset in pairs)
        return low, max(leak * span[1] + offset * offsets for span, offset in pairs)

    @property
    def dividend_shape(self) -> Shape:
        """Shape of what is divided and becomes a membrane."""
        lows, highs = zip(*self._membranes, strict=True)
        divisor = self.spec.divisor
        return Shape.cast(range(min(lows) * divisor, (max(highs) + 1) * divisor))

    @property
    def stages(self) -> int:
        """Registers for a division whose time does not matter: none in short ones."""
        if self.spec.odd == 1:
            return 0
        width = self.dividend_shape.width - self.spec.shift
        digits = Quotient.digits(Shape(width, self.dividend_shape.signed), self.spec.odd)
        return min(2, digits // 7)

    @property
    def membrane_shape(self) -> Shape:
        """Shape of a word of the membrane memory."""
        low, high = self._span(1, self.stores_start)
        return Shape.cast(range(low, high + 1))

    def kept_bits(self, *, cells: bool = False) -> int:
        """Count the bits that a neuron keeps; accumulators of iCE40 cells keep their sticky bit."""
        return self.bits if cells else self.membrane_shape.width

    @property
    def acc_shape(self) -> Shape:
        """Shape of the accumulator."""
        if self.saturating:
            return Shape(self.bits + 1)
        if self.by_channel:
            return self._channel_shape()
        low, high = self._span(self.spec.keep, True)
        low += min(self.ranges.drive[0], 0) << self.spec.fraction
        high += max(self.ranges.drive[1], 0) << self.spec.fraction
        return Shape.cast(range(low, high + 1))

    def _channel_shape(self) -> Shape:
        """Hold every sum on its way, from start value to drive, and its complement."""
        least = most = 0
        for channel, span, start in zip(
            self.ranges.channels, self._membranes, self.offsets, strict=True
        ):
            sums = [(end - channel.offset) << self.spec.fraction for end in channel.drive]
            low, high = (self.spec.keep * end + start for end in span)
            least, most = min(least, low + min(0, *sums)), max(most, high + max(0, *sums))
        return Shape.cast(range(min(least, -1 - most), max(most, -1 - least) + 1))

    @property
    def addend_shape(self) -> Shape:
        """Shape of what one score adds, before the shift by ``fraction``."""
        low, high = self.ranges.clipped_score if self.saturating else self.ranges.score
        return Shape.cast(range(low, high + 1))
