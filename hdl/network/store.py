"""The program of a network in memory that holds nothing at first: loaded, and checked."""

import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from spikeloom.design.network.design import BEAT
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.frame.memory_map import MemoryShape

__all__ = ["LOAD", "RUN", "ProgramStore", "StatusFront", "load_frame"]

RUN, LOAD = 0, 1
"""Commands: the first beat of a frame."""

# The register of CRC-32 behind any data and its own CRC; its polynomial, low bit first.
_RESIDUE = 0xDEBB20E3
_POLYNOMIAL = 0xEDB88320


def load_frame(words: Sequence[int], width: int) -> NDArray[np.uint64]:
    """Return the beats that load a program of words of ``width`` bits: command, words, CRC-32.

    Words go in beats, the low one first. The CRC is that of Ethernet and ZIP, over the bytes of the
    words, low byte first.

    >>> load_frame([0x0201], 16).tolist()
    [1, 513, 17042, 46796]
    """
    whole = b"".join(word.to_bytes(width // 8, "little") for word in words)
    check = zlib.crc32(whole)
    beats = np.frombuffer(whole, dtype="<u2")
    return np.array([LOAD, *beats, check & 0xFFFF, check >> BEAT], dtype=np.uint64)


class ProgramStore(Component):
    """The memory of the program, with the frames that are for it taken out of the stream.

    The first beat of a frame is a command, 0 to run or 1 to load. A word is loaded in 17 cycles, a
    bit of the CRC in each. A program is good if it has as many words as it should, and its CRC
    is right; as long as none is, frames to run are swallowed.

    Parameters
    ----------
    shape : MemoryShape
        The memory, with room for two words of 16 bits and one more behind the program.
    words : int
        Words of the program.

    Members
    -------
    i, o : In(stream), Out(stream)
        Frames with their command; those to run without it.
    rewind, en, data
        As :class:`~spikeloom.hdl.network.fetch.ProgramRom`.
    computed : In(1)
        High for one cycle with the last beat of the answer for a frame that was passed on.
    loads : Out(1)
        A program is being loaded.
    good : Out(1)
        A program is there.
    answers, answered : Out(1), In(1)
        A frame waits for ``good`` as its answer; it was given.
    """

    def __init__(self, shape: MemoryShape, words: int):
        self.shape: Final = shape
        self.words: Final = words
        super().__init__(
            {
                "i": In(beat_stream(BEAT)),
                "o": Out(beat_stream(BEAT)),
                "rewind": In(1),
                "en": In(1),
                "data": Out(shape.width),
                "computed": In(1),
                "loads": Out(1),
                "good": Out(1),
                "answers": Out(1),
                "answered": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        columns = self.shape.width // BEAT
        # The program, its CRC, and one for whatever is longer.
        count = self.words * columns + 2
        store = add_memory(m, self.shape, BEAT)
        column, addr = Signal(range(columns)), Signal(range(self.shape.depth))
        place = Cat(column, addr)
        inside, loads, last, fresh = Signal(), Signal(), Signal(), Signal()
        word, check, left = Signal(BEAT), Signal(32), Signal(range(BEAT + 1))
        taken, begins, opens, passed = Signal(), Signal(), Signal(), Signal(2)
        data, ends = self.i.payload.data, self.i.payload.last
        m.d.sync += fresh.eq(taken & loads)
        m.d.comb += [
            self.o.valid.eq(inside & ~loads & self.good & self.i.valid),
            self.o.payload.eq(self.i.payload),
            taken.eq(self.i.valid & self.i.ready),
            # Whoever loads waits for what is computed with the program before, and so does a frame
            # without tokens, whose numbers are zero. Whether one begins is not for the intake to
            # say, though it is ready or not: that path is long.
            opens.eq(~self.answers & ((passed == 0) | ~(data[0] | ends))),
            begins.eq(self.i.valid & ~inside & opens),
            self.loads.eq(loads),
            self.data.eq(store.read(m, addr, self.en)),
        ]
        chosen = Cat(fresh & (column == n) for n in range(columns))
        store.write(m, addr, word.replicate(columns), chosen)
        with m.If(fresh & (place != count + 1)):
            m.d.sync += place.eq(place + 1)
        with m.If(self.en):
            m.d.sync += addr.eq(addr + 1)
        with m.If((self.rewind & ~loads) | (begins & data[0])):
            m.d.sync += place.eq(0)

        goes = begins & ~data[0] & ~ends & self.good
        with m.If(goes ^ self.computed):
            m.d.sync += passed.eq(Mux(goes, passed + 1, passed - 1))
        with m.If(self.answered):
            m.d.sync += self.answers.eq(0)
        with m.If(taken):
            m.d.sync += [word.eq(data), left.eq(BEAT), last.eq(ends)]
            m.d.sync += inside.eq(~ends | loads | (begins & data[0]))
        with m.Elif(left != 0):
            odd = word[0] ^ check[0]
            m.d.sync += [left.eq(left - 1), word.eq(word >> 1)]
            m.d.sync += check.eq((check >> 1) ^ Mux(odd, _POLYNOMIAL, 0))
        with m.If(~inside):
            m.d.comb += self.i.ready.eq(opens)
            with m.If(begins):
                m.d.sync += [loads.eq(data[0]), check.eq(0xFFFFFFFF), left.eq(0)]
                m.d.sync += self.answers.eq(ends & ~data[0])
                with m.If(data[0]):
                    m.d.sync += self.good.eq(0)
        with m.Elif(loads):
            m.d.comb += self.i.ready.eq((left == 0) & ~last)
            with m.If(last & (left == 0)):
                m.d.sync += [
                    *(inside.eq(0), loads.eq(0), last.eq(0), self.answers.eq(1)),
                    *(self.good.eq((check == _RESIDUE) & (place == count)), place.eq(0)),
                ]
        with m.Else():
            m.d.comb += self.i.ready.eq(~self.good | self.o.ready)
            with m.If(taken & ends & ~self.good):
                m.d.sync += self.answers.eq(1)
        return m


class StatusFront(Component):
    """Put the status in front of every answer, and answer for frames that give no numbers.

    Parameters
    ----------
    beats : int
        Beats of an answer without the status.

    Members
    -------
    i, o : In(stream), Out(stream)
        Numbers of an inference; the answer.
    answers, good : In(1)
        A frame without numbers waits, and its status.
    answered : Out(1)
        High for one cycle when it was answered.
    computed : Out(1)
        High for one cycle with the last beat of the numbers of an inference.
    """

    def __init__(self, beats: int):
        self.beats: Final = beats
        super().__init__(
            {
                "i": In(beat_stream(BEAT)),
                "o": Out(beat_stream(BEAT)),
                "answers": In(1),
                "good": In(1),
                "answered": Out(1),
                "computed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        begun = Signal()
        count = Signal(range(self.beats + 1))
        sent = self.o.valid & self.o.ready
        numbers = Mux(self.answers, 0, self.i.payload.data)
        m.d.comb += [
            self.o.valid.eq(self.i.valid | self.answers),
            self.o.payload.data.eq(Mux(begun, numbers, self.good)),
            self.o.payload.last.eq(count == self.beats),
            self.i.ready.eq(self.o.ready & begun & ~self.answers),
            self.answered.eq(self.answers & sent & self.o.payload.last),
            self.computed.eq(~self.answers & sent & self.o.payload.last),
        ]
        with m.If(sent):
            m.d.sync += [begun.eq(~self.o.payload.last), count.eq(count + 1)]
            with m.If(self.o.payload.last):
                m.d.sync += count.eq(0)
        return m
