"""Words of a network's program: what lies where in them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from amaranth.lib import data

__all__ = [
    "DEST",
    "FLAGS",
    "LANE",
    "ROW",
    "USED",
    "WIDE_DEST",
    "Sections",
    "bits_of",
    "header",
]

ROW: Final = 16
"""Most bits of a row of the memories of activations."""

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
"""What is said of a pass. first, double: the sum so far is nothing, or counts twice, with twice as
well four times; minus: what is counted is taken away; last: parameters follow; sync: what was
written before is read, and where spikes go begins anew; whole: the membrane has no fraction;
reads_out: to the read-out, not to neurons; final: its last number; release: the input is not needed
any more; group: over the tokens of a group only; attends, ends: no pass, but attention, or the
end. Some networks have two more. stays: the first row is read for all tokens; spread: a row holds
other tokens of every step, and is gone through once for all, or before it fires once for each."""

DEST: Final = data.StructLayout({"slot": 12, "sets": 1, "clears": 1, "turned": 1})
"""Where spikes go: a slot; sets, clears: a spike sets a bit, or clears it, and no spike leaves it;
turned: to the memory of keys."""


WIDE_DEST: Final = data.StructLayout({**DEST.members, "gathers": 1})
"""Where spikes of a network with masks of channels go. gathers: those of all tokens go to the first
row."""


def bits_of(layout: data.StructLayout, values: Mapping[str, int]) -> int:
    """Return the number that has fields of a layout set.

    >>> bits_of(FLAGS, {"double": 1, "last": 1})
    34
    """
    return sum(value << layout[name].offset for name, value in values.items())


USED: Final = (
    *("whole", "reads_out", "release", "group"),
    *("sets", "clears", "turned", "gathers", "stays", "spread"),
)
"""Flags that are in a header where one of the network has them set."""


def header(most: Mapping[str, int], used: Collection[str]) -> data.StructLayout:
    """Return the layout of a header, with room for the greatest ``row``, ``place`` and counts.

    Of the flags :data:`USED` it has those that are used.

    ``slots``, ``digits`` and ``outputs`` are counts less one. begins: the sum of an output starts
    from nothing; closes: the parameters of the output follow its last pass; moves: how often the
    sum so far counts twice before the first pass; top_low, top_high, rest: which bits are taken
    away, of the first digit and of the others; place: lane of the first output in all slots.
    """
    bits = {name: value.bit_length() for name, value in most.items()}
    flags = dict.fromkeys(("attends", "ends", "sync", "begins", "closes"), 1)
    flags |= {"moves": 2} | dict.fromkeys(("top_low", "top_high", "rest", "final"), 1)
    flags |= {name: 1 for name in USED if name in used}
    return data.StructLayout({**flags, **bits})


@dataclass(frozen=True)
class Sections:
    """Words of a program: headers, weights of a pass, parameters of an output.

    Parameters
    ----------
    width : int
        Bits of a word, a multiple of 16.
    layout : StructLayout
        Bits of a header.
    lanes : int
        Weight bits of a pass.
    bits : int
        Bits of bias and threshold.
    """

    width: int
    layout: data.StructLayout
    lanes: int
    bits: int

    @property
    def head(self) -> int:
        """Words of a header."""
        return ceil(self.layout.size / self.width)

    @property
    def weights(self) -> int:
        """Words of the weights of a pass."""
        return ceil(self.lanes / self.width)

    @property
    def parameters(self) -> int:
        """Words of bias and threshold of an output."""
        return ceil(self.bits / self.width)
