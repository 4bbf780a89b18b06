"""How the numbers of a token lie in beats, and these in words of a memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from amaranth.hdl import Array, Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.utils import ceil_log2

from spikeloom.hdl.frame.unloader import OutputWords

__all__ = ["TokenWords"]


@dataclass(frozen=True)
class TokenWords:
    """What a memory of values, or of an answer, holds of a token: by the beat and by the pass.

    A beat holds as many numbers as a power of two lets it, or a number takes whole beats. A word
    holds the beats of a pass; where a beat is wider than a pass, it holds a beat, and so several
    passes. Its enable bits are those of what is written at a time: a beat on the way in, a pass on
    the way out.

    Parameters
    ----------
    numbers : int
        Numbers of a token.
    bits : int
        Bits of a number.
    lanes : int
        Numbers of a pass.
    beat : int
        Bits of a beat.
    whole : bool
        Whether a number takes whole beats.

    >>> spikes = TokenWords(64, 1, 4, 8)
    >>> spikes.beats, spikes.words, spikes.shared, spikes.width
    (8, 8, 2, 8)
    >>> drives = TokenWords(6, 11, 4, 8, whole=True)
    >>> drives.field, drives.beats, drives.words, drives.tail
    (16, 12, 2, 4)
    """

    numbers: int
    bits: int
    lanes: int
    beat: int
    whole: bool = False

    @property
    def per(self) -> int:
        """Numbers in a beat; 0 where a number takes whole beats."""
        return 0 if self.whole else 1 << (self.beat // self.bits).bit_length() - 1

    @property
    def field(self) -> int:
        """Bits that a number takes."""
        return ceil(self.bits / self.beat) * self.beat if self.whole else self.bits

    @property
    def filled(self) -> int:
        """Bits of a beat that hold something."""
        return self.per * self.bits or self.beat

    @property
    def beats(self) -> int:
        """Beats of a token."""
        return ceil(self.numbers / self.per) if self.per else self._beats_of(self.numbers)

    @property
    def slices(self) -> int:
        """Beats of a word."""
        return ceil(self.lanes / self.per) if self.per else self._beats_of(self.lanes)

    def _beats_of(self, numbers: int) -> int:
        return numbers * self.field // self.beat

    @property
    def words(self) -> int:
        """Words of a token."""
        return ceil(self.beats / self.slices)

    @property
    def tail(self) -> int:
        """Beats of a token's last word."""
        return self.beats - (self.words - 1) * self.slices

    @property
    def shared(self) -> int:
        """Passes in a word."""
        return self.per // self.lanes if self.lanes < min(self.per, self.numbers) else 1

    @property
    def width(self) -> int:
        """Bits of a word."""
        return self.slices * self.filled

    @property
    def part(self) -> int:
        """Bits of a word that are written with a pass."""
        return self.lanes * self.field if self.shared > 1 else self.width

    def word(self, turn: Value) -> Value:
        """Give the word of a token that holds a pass."""
        return turn[ceil_log2(self.shared) :]

    def enables(self, turn: Value, en: Value) -> Value:
        """Enable the part of the word that holds the pass."""
        return Mux(en, 1 << turn[: ceil_log2(self.shared)], 0)

    def select(self, turn: Value, word: Value) -> Value:
        """Take the pass out of the word that holds it."""
        shared = ceil_log2(self.shared)
        return word.word_select(turn[:shared], self.part) if shared else word

    def arrival(self, place: Value, en: Value) -> tuple[Value, Value]:
        """Give the word that a beat of a token belongs to, and enable its slice of that."""
        words = Array(Const(n // self.slices, range(self.words)) for n in range(self.beats))
        slices = Array(Const(1 << n % self.slices, self.slices) for n in range(self.beats))
        word = words[place]
        return word, Mux(en, slices[place], 0)

    def extended(self, m: Module, numbers: Sequence[Value]) -> Value:
        """Extend the numbers of a pass to the whole beats that they take."""
        fields = []
        for lane, number in enumerate(numbers):
            shape = Shape(self.field, signed=number.shape().signed)
            field = Signal(shape, name=f"drive{lane}")
            m.d.comb += field.eq(number)
            fields.append(field.as_unsigned())
        return Cat(fields)

    def answer(self, tokens: int, runs: int, banks: int, depth: int) -> OutputWords:
        """Say how an unloader sends words that lie like this, of so many tokens a run."""
        form = (self.beat, self.filled, self.slices, self.tail, self.words)
        return OutputWords(*form, tokens, runs, banks, depth)
