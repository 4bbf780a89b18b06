"""Cyclic shift in state order: beats as they come in, beats with rotated q and k out.

In state order k comes channel by channel, and every token of a beat is rotated by its own amount,
so that the bits of one beat belong to several channels. Tokens of a beat that share an amount go
together, and a group of channels only ever mixes with itself: a memory of one group is all that has
to be kept.
"""

from typing import Final

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.position.shift import schedule
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import fit
from spikeloom.hdl.frame.memory import add_block
from spikeloom.hdl.frame.rom import packed
from spikeloom.hdl.position.rotate import GroupShifter, ShiftSchedule

__all__ = ["KeyShifter", "SectionShifter", "StateShifter", "TokenShifter", "scatter_steps"]


def scatter_steps(design: AttentionDesign) -> list[list[list[tuple[int, int]]]]:
    """List, for every group and beat of a channel, the (amount, mask) of tokens that move together.

    The masks of a beat cover it, each bit once; bits beyond the last token move with that token.
    """
    beat = design.beat
    steps = []
    for row in schedule(design).tolist():
        padded = row + row[-1:] * (-len(row) % beat)
        cut = [padded[n : n + beat] for n in range(0, len(padded), beat)]
        steps.append(
            [[(a, packed(n == a for n in part)) for a in sorted(set(part))] for part in cut]
        )
    return steps


class SectionShifter(Component):
    """A unit that takes k, or v and then q, and sends it rotated.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with position ``shift``.

    Members
    -------
    i : In(stream)
        Beats of the unit's sections. ``last`` is not looked at.
    end : Out(1)
        High while the beat that is taken is the last of k, or of q.
    o : Out(stream)
        Beats in the same order. ``last`` marks that one, the end of k, or of q.
    """

    def __init__(self, design: AttentionDesign):
        self.design: Final = design
        beats = beat_stream(design.beat)
        super().__init__({"i": In(beats), "end": Out(1), "o": Out(beats)})


class KeyShifter(SectionShifter):
    """Rotate the section k, channel-major, group of channels by group of channels.

    A ROM lists for every beat which of its tokens move by which amount; one of its words is carried
    out in a cycle, as a masked write to the beat of the channel that the tokens move to. When all
    channels of a group are written, they are sent. With two banks, which are taken where they lie
    in the depth that an EBR has anyway, the next group is written meanwhile.

    Throughput: :attr:`cycles` cycles in for a section, at least ``d * ceil(N / B)`` and at most
    ``d * N``; a beat a cycle out. With one bank the two add up, with two only the last group's
    ``d / G * ceil(N / B)`` cycles out do. Takes an EBR for each 16 bits of beat and 256 words of
    ``banks * d / G * ceil(N / B)``, both factors of the latter rounded up to a power of two, and
    those of the ROM.

    Parameters and members are those of :class:`SectionShifter`, for section k.
    """

    def __init__(self, design: AttentionDesign):
        super().__init__(design)
        self._steps = scatter_steps(design)
        width = design.shift.group_dim(design)
        self._layout = data.StructLayout(
            {
                "mask": design.beat,
                "amount": ceil_log2(width),
                "beat_end": 1,
                "row_end": 1,
                "section_end": 1,
            }
        )
        self._bank_depth = 1 << ceil_log2(design.beats_per_channel) + ceil_log2(width)
        # Bits can be masked in the aspect ratio of 256 x 16 only.
        self.banks: Final = 2 if 2 * self._bank_depth <= 256 else 1

    @property
    def cycles(self) -> int:
        """Cycles in which a section is taken in, where nothing stalls it."""
        return self.design.shift.group_dim(self.design) * sum(
            len(beat) for row in self._steps for beat in row
        )

    def _words(self) -> list[dict[str, int]]:
        """Spell out the ROM."""
        words = [
            {
                "mask": mask,
                "amount": amount,
                "beat_end": n == len(beat) - 1,
                "row_end": n == len(beat) - 1 and beat is row[-1],
                "section_end": 0,
            }
            for row in self._steps
            for beat in row
            for n, (amount, mask) in enumerate(beat)
        ]
        words[-1]["section_end"] = 1
        return words

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self.design
        store = add_block(m, "store", design.beat, self.banks * self._bank_depth)
        # Pointers with a bit more than a bank's number: equal when all banks are empty, apart by
        # that bit alone when all are full.
        fill = Signal(range(2 * self.banks))
        drain = Signal(range(2 * self.banks))
        self._write(m, store.write_port(granularity=1), fill, (fill ^ drain) != self.banks)
        self._send(m, store.read_port(), drain, fill != drain)
        return m

    def _write(self, m: Module, port: memory.WritePort, fill: Signal, free: Value) -> None:
        """Carry out the steps of a row for each of the group's channels, then those of the next."""
        design = self.design
        width = design.shift.group_dim(design)
        words = self._words()
        read = add_block(m, "rom", self._layout, len(words), words, rom=True).read_port()
        word = read.data

        # The word in the ROM's output register is carried out while the next one is addressed.
        started = Signal()
        step = Signal()
        again = Signal()
        end_group = Signal()
        place = Signal(range(len(words)))
        origin = Signal(range(len(words)))
        channel = Signal(range(width))
        beat = Signal(range(design.beats_per_channel))
        last_channel = Signal()
        m.d.comb += [
            last_channel.eq(channel == width - 1),
            step.eq(self.i.valid & free & started),
            again.eq(started & word.row_end & ~last_channel),
            read.en.eq(step | ~started),
            read.addr.eq(Mux(again, origin, Mux(started & word.section_end, 0, place))),
            self.i.ready.eq(free & started & word.beat_end),
            end_group.eq(step & word.row_end & last_channel),
            self.end.eq(step & word.section_end & last_channel),
        ]
        with m.If(read.en):
            m.d.sync += [started.eq(1), place.eq(read.addr + 1)]
        with m.If(step & word.beat_end):
            m.d.sync += beat.eq(beat + 1)
        with m.If(step & word.row_end):
            m.d.sync += [beat.eq(0), channel.eq(Mux(last_channel, 0, channel + 1))]
        with m.If(end_group):
            m.d.sync += [origin.eq(read.addr), fill.eq(fill + 1)]

        target = Signal(range(width))
        moved = Signal(range(2 * width))
        wraps = width & width - 1 != 0
        m.d.comb += [
            moved.eq(channel + word.amount),
            target.eq(Mux(moved < width, moved, moved - width) if wraps else moved),
            port.addr.eq(Cat(beat, target, fit(fill, self.banks))),
            port.data.eq(self.i.payload.data),
            port.en.eq(Mux(step, word.mask, 0)),
        ]

    def _send(self, m: Module, port: memory.ReadPort, drain: Signal, full: Value) -> None:
        """Send a bank, a beat a cycle; the memory's output register holds it until it is taken."""
        design = self.design
        group = Signal(range(design.shift.groups))
        channel = Signal(range(design.shift.group_dim(design)), name="read_channel")
        beat = Signal(range(design.beats_per_channel), name="read_beat")
        last_beat = beat == design.beats_per_channel - 1
        last_channel = channel == design.shift.group_dim(design) - 1
        last_group = group == design.shift.groups - 1
        m.d.comb += [
            port.addr.eq(Cat(beat, channel, fit(drain, self.banks))),
            port.en.eq(full & (~self.o.valid | self.o.ready)),
            self.o.payload.data.eq(port.data),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(port.en):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.payload.last.eq(last_beat & last_channel & last_group),
                beat.eq(Mux(last_beat, 0, beat + 1)),
            ]
            with m.If(last_beat):
                m.d.sync += channel.eq(Mux(last_channel, 0, channel + 1))
                with m.If(last_channel):
                    m.d.sync += [drain.eq(drain + 1), group.eq(Mux(last_group, 0, group + 1))]


class TokenShifter(SectionShifter):
    """Pass section v on and rotate section q, both token-major.

    A token is assembled while the one before is sent. Tokens of v are rotated by nothing.

    Latency: two cycles from a token's last beat to its first. Throughput: a beat a cycle, or every
    other cycle where a token is a single beat. Two registers of a token and a
    :class:`~spikeloom.hdl.position.rotate.GroupShifter`.

    Parameters and members are those of :class:`SectionShifter`, for v and then q.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self.design
        beats = design.beats_per_token

        # The amounts follow a cycle after the token has been counted on: with two beats or more
        # in a token that is early enough, a single beat has to wait for it.
        assembled = Signal(beats * design.beat, reset_less=True)
        beat = Signal(range(beats))
        token = Signal(range(design.tokens))
        query = Signal()
        complete = Signal()
        accept = Signal()
        load = Signal()
        last_beat = beat == beats - 1
        last_token = Signal()
        m.d.comb += [
            last_token.eq(token == design.tokens - 1),
            self.i.ready.eq(~complete | (load if beats > 1 else 0)),
            accept.eq(self.i.valid & self.i.ready),
            self.end.eq(accept & last_beat & last_token & query),
        ]
        m.d.sync += complete.eq((accept & last_beat) | (complete & ~load))
        with m.If(accept):
            m.d.sync += [
                assembled.eq(Cat(assembled, self.i.payload.data)[design.beat :]),
                beat.eq(Mux(last_beat, 0, beat + 1)),
            ]
        with m.If(load):
            m.d.sync += [
                token.eq(Mux(last_token, 0, token + 1)),
                query.eq(query ^ last_token),
            ]

        m.submodules.schedule = amounts = ShiftSchedule(design)
        m.submodules.shifter = shifter = GroupShifter(amounts.groups, amounts.group_width)
        m.d.comb += [
            amounts.token.eq(token),
            shifter.i.eq(assembled),
            shifter.amounts.as_value().eq(Mux(query, amounts.amounts.as_value(), 0)),
        ]

        held = Signal(design.head_dim, reset_less=True)
        sent = Signal(range(beats))
        final = Signal()
        last_sent = sent == beats - 1
        m.d.comb += [
            load.eq(complete & (~self.o.valid | (self.o.ready & last_sent))),
            self.o.payload.data.eq(held),
            self.o.payload.last.eq(final & last_sent),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [sent.eq(Mux(last_sent, 0, sent + 1)), self.o.valid.eq(~last_sent)]
        with m.If(load):
            m.d.sync += [self.o.valid.eq(1), final.eq(last_token & query)]
        with m.If(load | self.o.ready):
            m.d.sync += held.eq(Mux(load, shifter.o, held >> design.beat))
        return m


class StateShifter(Component):
    """Rotate q and k of a layer in state order, beats to beats.

    Every head and step comes as the sections k, v and q and leaves so: k through a
    :class:`KeyShifter`, v and q through a :class:`TokenShifter`. Full back-pressure: whatever
    stalls, no beat is lost or changed. The output comes from registers, and its ``ready`` reaches
    nothing but registers.

    Throughput: k :attr:`key_cycles` cycles in and a beat a cycle out, see :class:`KeyShifter`; v
    and q a beat a cycle, every other cycle where a token is a single beat. Checked against
    :func:`spikeloom.golden.position.shift.rotate`.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with position ``shift`` and ``folding.order`` "state".

    Members
    -------
    i : In(stream)
        Beats, in the order of :mod:`spikeloom.golden.attention.beats`. ``last`` is not looked at.
    o : Out(stream)
        Beats in the same order, with q and k rotated. ``last`` stays low.
    """

    def __init__(self, design: AttentionDesign):
        if "shift" not in design.position:
            raise ValueError(f"Position must contain shift, not {design.position!r}")
        if design.order != "state":
            raise ValueError(f"Order must be 'state', not {design.order!r}")
        self.design: Final = design
        self._keys = KeyShifter(design)
        super().__init__({"i": In(beat_stream(design.beat)), "o": Out(beat_stream(design.beat))})

    @property
    def key_cycles(self) -> int:
        """Cycles in which a section k is taken in, where nothing stalls it."""
        return self._keys.cycles

    def elaborate(self, platform: object) -> Module:
        """Send each section through its unit; both sides change over at its last beat."""
        m = Module()

        m.submodules.keys = keys = self._keys
        m.submodules.tokens = tokens = TokenShifter(self.design)
        into = Signal()
        out_of = Signal()
        room = Signal()
        m.d.sync += into.eq(into ^ (keys.end | tokens.end))
        m.d.comb += [
            keys.i.payload.data.eq(self.i.payload.data),
            keys.i.valid.eq(self.i.valid & ~into),
            keys.o.ready.eq(room & ~out_of),
            tokens.i.payload.data.eq(self.i.payload.data),
            tokens.i.valid.eq(self.i.valid & into),
            tokens.o.ready.eq(room & out_of),
            self.i.ready.eq(Mux(into, tokens.i.ready, keys.i.ready)),
        ]

        # A spare register takes the beat that is on its way when the output stalls, so that no
        # path leads from the input of what comes next through here to what came before.
        valid = Signal()
        spare_valid = Signal()
        beat = Signal(self.design.beat)
        spare = Signal(self.design.beat, reset_less=True)
        m.d.comb += [
            room.eq(~spare_valid),
            valid.eq(Mux(out_of, tokens.o.valid, keys.o.valid)),
            beat.eq(Mux(out_of, tokens.o.payload.data, keys.o.payload.data)),
        ]
        with m.If(valid & room):
            last = Mux(out_of, tokens.o.payload.last, keys.o.payload.last)
            m.d.sync += [out_of.eq(out_of ^ last), spare.eq(beat)]
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += [
                self.o.valid.eq(valid | spare_valid),
                self.o.payload.data.eq(Mux(spare_valid, spare, beat)),
                spare_valid.eq(0),
            ]
        with m.Elif(valid):
            m.d.sync += spare_valid.eq(1)
        return m
