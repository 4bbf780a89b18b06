"""Words of a network's program: what lies where in them."""

from dataclasses import dataclass
from math import ceil
from typing import Final

from amaranth.lib import data

from spikeloom.design.network.design import BEAT

__all__ = ["DEST", "FLAGS", "LANE", "ROW", "WIDE_DEST", "WIDE_FLAGS", "Sections", "bits_of"]

ROW: Final = 16
"""Bits of a row of the memories of activations."""

LANE: Final = 10
"""Bits of the lane of a slot, or of the channel of a key."""

FLAGS: Final = data.StructLayout(
    {
        "first": 1,
        "double": 1,
        "twice": 1,
        "minus_low": 1,
        "minus_high": 1,
        "last": 1,
        "sync": 1,
        "whole": 1,
        "reads_out": 1,
        "final": 1,
        "release": 1,
        "group": 1,
        "attends": 1,
        "ends": 1,
    }
)
"""Flags of a pass. first, double: the sum so far is nothing, or counts twice, with twice as well
four times; minus: what is counted is taken away; last: parameters follow; sync: what was written
before is read; whole: the membrane has no fraction; reads_out: to the read-out, not to neurons;
final: its last number; release: the input is not needed any more; group: over the tokens of a group
only; attends, ends: no pass, but attention, or the end."""

DEST: Final = data.StructLayout({"slot": 12, "sets": 1, "clears": 1, "turned": 1})
"""Where spikes go: a slot; sets, clears: a spike sets a bit, or clears it, and no spike leaves it;
turned: to the memory of keys."""


WIDE_FLAGS: Final = data.StructLayout({**FLAGS.members, "stays": 1})
"""Flags of a network with masks of channels. stays: the first row is read for all tokens."""

WIDE_DEST: Final = data.StructLayout({**DEST.members, "gathers": 1})
"""Where spikes of such a network go. gathers: those of all tokens go to the first row."""


def bits_of(layout: data.StructLayout, values: dict[str, int]) -> int:
    """Return the number that has fields of a layout set.

    >>> bits_of(FLAGS, {"double": 1, "last": 1})
    34
    """
    return sum(value << layout[name].offset for name, value in values.items())


@dataclass(frozen=True)
class Sections:
    """Words of a pass: flags and row, weights, and of the last pass of an output parameters.

    Parameters
    ----------
    width : int
        Bits of a word, a multiple of 16.
    lanes : int
        Weight bits of a pass.
    bits : int
        Bits of bias and threshold.
    """

    width: int
    lanes: int
    bits: int

    @property
    def head(self) -> int:
        """Words of flags and row."""
        return ceil(2 * BEAT / self.width)

    @property
    def weights(self) -> int:
        """Words of weights."""
        return ceil(self.lanes / self.width)

    @property
    def parameters(self) -> int:
        """Words of the place of an output, its bias and its threshold."""
        return ceil((2 * BEAT + self.bits) / self.width)
