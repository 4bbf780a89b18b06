"""Reorderings: beats are stored as they come, and read in the order of another layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any, Final

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2
from numpy.typing import ArrayLike

from spikeloom.design.reorder import Order, OrderPart, ReorderDesign
from spikeloom.golden.reorder import ReorderModel
from spikeloom.hdl.frame.banks import BankRing
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.frame.memory_map import MemoryShape, blocks_of, place
from spikeloom.hdl.frame.plan import LayerPlan
from spikeloom.hdl.frame.regroup import Regroup

__all__ = ["Digit", "ReorderLayer", "ReorderPlan", "Walk"]


@dataclass(frozen=True)
class Digit:
    """A loop: a counter, or those bits of it that count words of a row, and its turns."""

    name: str
    count: int
    words: bool = False


class ReorderPlan(LayerPlan):
    """What is stored where, and in which order the words of either side come.

    A word holds ``design.word`` values of a row. Arrays whose rows are tokens on some side are
    *turned*: they lie in as many lanes of one bit, value c of token t in lane (c xor t) mod B, so
    that both a row of channels and a row of tokens have a value in every lane.

    Parameters
    ----------
    design : ReorderDesign
        The reordering.
    """

    def __init__(self, design: ReorderDesign):
        self.design: Final = design
        orders = (design.order_in, design.order_out)
        self.turned: Final = tuple(
            name
            for name in design.arrays
            if any(part.row == "token" and name in part.arrays for o in orders for part in o.parts)
        )
        self.straight: Final = tuple(name for name in design.arrays if name not in self.turned)

    def outer(self, order: Order) -> tuple[Digit, ...]:
        """Return the loops around all parts, the first outermost."""
        first = order.parts[0]
        axes = order.axes(first) if len(order.parts) == 1 else order.loops
        return self._digits(order, first, axes)

    def inner(self, order: Order, part: OrderPart) -> tuple[Digit, ...]:
        """Return the loops of a part inside of those."""
        return () if len(order.parts) == 1 else self._digits(order, part, part.loops)

    def _digits(self, order: Order, part: OrderPart, axes: Sequence[str]) -> tuple[Digit, ...]:
        design, found = self.design, []
        sizes, cut = design.sizes, design.cuts(order, part)
        heads = [Digit("group", sizes["head"])] if "head" in sizes else []
        heads = heads or [Digit(name, sizes[name]) for name in ("group", "place")]
        if cut or design.segment == design.dim:
            heads = []
        for axis in axes:
            if axis == "head":
                found.append(Digit("group", sizes["head"]))
            elif axis == "token":
                found.append(Digit("token", design.tokens))
            elif axis == "channel":
                found += [*heads, Digit("channel", design.segment)]
            elif axis == "beat" and part.row == "token":
                found.append(Digit("token", self.words("token"), words=True))
            elif axis == "beat":
                found += [Digit("array", len(part.arrays)), *heads]
                found.append(Digit("channel", self.words("channel"), words=True))
            else:
                found.append(Digit(axis, sizes[axis]))
        return tuple(digit for digit in found if digit.count > 1)

    def words(self, row: str) -> int:
        """Words of a row of tokens or of channels."""
        return -(-self.size(row) // self.design.word)

    def size(self, axis: str) -> int:
        """Count the places on an axis; tokens and channels in values."""
        sizes = self.design.sizes
        found = {"channel": self.design.segment, "group": sizes.get("group", sizes.get("head", 1))}
        found["array"] = len(self.design.arrays)
        if self.design.segment == self.design.dim:
            found |= {"group": 1, "place": 1}
        return found.get(axis, sizes.get(axis, 1))

    @cached_property
    def runs(self) -> tuple[Digit, ...]:
        """Loops that are outermost on both sides: no value crosses a turn of them."""
        found = []
        for there, here in zip(
            self.outer(self.design.order_in), self.outer(self.design.order_out), strict=False
        ):
            if there != here or there.name == "array":
                break
            found.append(there)
        return tuple(found)

    def fields(self, turned: bool) -> dict[str, int]:
        """Return axes and sizes of the addresses of a memory; tokens of lanes in words."""
        found = {"array": len(self.turned if turned else self.straight)}
        for axis in ("chunk", "step", "group", "place", "bit"):
            found[axis] = self.size(axis)
        found["token"] = self.words("token") if turned else self.design.tokens
        found["channel"] = self.words("channel")
        for digit in self.runs:
            found[digit.name] = 1
        return found

    def count(self, order: Order) -> int:
        """Count the words of an inference on a side."""
        inner = sum(prod(digit.count for digit in self.inner(order, part)) for part in order.parts)
        return inner * prod(digit.count for digit in self.outer(order))

    def _shapes(self, banks: int) -> tuple[MemoryShape, ...]:
        word, shapes = self.design.word, []
        if self.straight:
            depth = prod(self.fields(turned=False).values())
            shapes += [MemoryShape(f"words{bank}", word, depth) for bank in range(banks)]
        if self.turned:
            depth = prod(self.fields(turned=True).values()) * word * banks
            shapes += [MemoryShape(f"lane{lane}", 1, depth) for lane in range(word)]
        have = self.design.target.resources
        placed = place(shapes, have, lambda shape: shape.name.startswith("words"))
        return tuple(
            replace(shape, depth=1 << ceil_log2(shape.depth)) if shape.single_port else shape
            for shape in placed
        )

    @cached_property
    def banks(self) -> int:
        """Banks, each of which holds a run; ``"auto"`` takes two where the device holds them."""
        asked, have = self.design.buffers, self.design.target.resources
        if self.design.passes:
            return 1
        if asked != "auto":
            return asked
        needed = blocks_of(self._shapes(2))
        return 2 if needed.ebr <= have.ebr and needed.spram <= have.spram else 1

    @cached_property
    def memories(self) -> tuple[MemoryShape, ...]:
        """Words of straight arrays, a memory a bank; lanes of turned ones, which hold all banks."""
        return () if self.design.passes else self._shapes(self.banks)

    def holding(self, what: str) -> tuple[MemoryShape, ...]:
        """Give the memories of ``"words"``, one a bank, or those of ``"lane"``, one a lane."""
        return tuple(shape for shape in self.memories if shape.name.startswith(what))


def _mixed(fields: Mapping[str, int], values: Mapping[str, Value]) -> Value:
    """Return an address: sizes that are powers of two lie low, where a place is only wires."""
    first = [axis for axis, size in fields.items() if size & size - 1 == 0]
    low = Cat(values[axis][: ceil_log2(fields[axis])] for axis in first)
    high: Value | None = None
    stride = 1
    for axis, size in fields.items():
        if axis not in first:
            term = values[axis][: ceil_log2(size)] * stride
            high, stride = term if high is None else high + term, stride * size
    return low if high is None else Cat(low, high[: ceil_log2(stride)])


class Walk(Component):
    """Go through the words of a side in its order, and say where each of them lies.

    Combinational but for the counters, which are as many bits as the places of the inference.

    Parameters
    ----------
    plan : ReorderPlan
        What is stored where.
    order : Order
        Order of that side.

    Members
    -------
    en : In(1)
        Go on to the next word.
    word, lane : Out
        Place of the word of a straight array; place of that of a turned one without its low bits.
    turned : Out(1)
        Whether the word is of a turned array.
    across : Out(1)
        Whether the values of the word are of different tokens.
    token, channel : Out(log2(B))
        Low bits of the token and of the channel, of which a row has all.
    tail : Out(1)
        Whether the word is the last of its row.
    ends_run, ends : Out(1)
        High at the last word of a run, and of an inference.
    """

    def __init__(self, plan: ReorderPlan, order: Order):
        self.plan: Final = plan
        self.order: Final = order
        low = ceil_log2(plan.design.word)
        super().__init__(
            {
                "en": In(1),
                "word": Out(range(max(1, prod(plan.fields(turned=False).values())))),
                "lane": Out(range(max(1, prod(plan.fields(turned=True).values())))),
                **{name: Out(1) for name in ("turned", "across", "tail", "ends_run", "ends")},
                "token": Out(low),
                "channel": Out(low),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, order = self.plan, self.order
        low = ceil_log2(plan.design.word)
        self._at = {
            axis: Signal(range(plan.size(axis)), name=f"at_{axis}")
            for axis in ("array", "chunk", "step", "group", "place", "bit")
        } | {
            axis: Signal(max(ceil_log2(plan.size(axis)), low + ceil_log2(plan.words(axis))),
                         name=f"at_{axis}")
            for axis in ("token", "channel")
        }  # fmt: skip
        part = Signal(range(len(order.parts)))
        kinds = [(plan.inner(order, each), each.row) for each in order.parts]
        inner_last = Signal()
        with m.Switch(part):
            for kind in dict.fromkeys(kinds):
                with m.Case(*(n for n, other in enumerate(kinds) if other == kind)):
                    m.d.comb += inner_last.eq(self._count(m, self.en, kind[0]))
                    m.d.comb += self.across.eq(kind[1] == "token")
        last_part = part == len(order.parts) - 1
        with m.If(self.en & inner_last):
            m.d.sync += part.eq(Mux(last_part, 0, part + 1))
        outer = plan.outer(order)
        count = len(plan.runs)
        turn = inner_last & last_part
        run_last = self._count(m, self.en & turn, outer[count:])
        m.d.comb += self.ends_run.eq(turn & run_last)
        run_ends = self._count(m, self.en & self.ends_run, outer[:count])
        m.d.comb += self.ends.eq(self.ends_run & run_ends)
        self._place(m, part, low)
        return m

    def _count(self, m: Module, en: Value, digits: Sequence[Digit]) -> Value:
        """Count on, the last digit fastest; high where all are at their end."""
        low = ceil_log2(self.plan.design.word)
        ended: Value = Signal(name="always", init=1)
        for digit in reversed(digits):
            value: Value = self._at[digit.name][low if digit.words else 0 :]
            last = Signal(name=f"last_{digit.name}")
            m.d.comb += last.eq(value == digit.count - 1)
            with m.If(en & ended):
                m.d.sync += value.eq(Mux(last, 0, value + 1))
            ended = ended & last
        return ended

    def _place(self, m: Module, part: Signal, low: int) -> None:
        plan, order, at = self.plan, self.order, self._at
        names = Array([plan.design.arrays.index(each.arrays[0]) for each in order.parts])
        number = Signal(range(len(plan.design.arrays)))
        m.d.comb += number.eq(at["array"] if len(order.parts) == 1 else names[part])
        place_of = {"words": Signal.like(number), "lanes": Signal.like(number)}
        with m.Switch(number):
            for n, name in enumerate(plan.design.arrays):
                with m.Case(n):
                    turned = name in plan.turned
                    group = plan.turned if turned else plan.straight
                    m.d.comb += place_of["lanes" if turned else "words"].eq(group.index(name))
                    m.d.comb += self.turned.eq(turned)
        words = {**at, "channel": at["channel"][low:]}
        m.d.comb += [
            self.word.eq(_mixed(plan.fields(turned=False), {**words, "array": place_of["words"]})),
            self.lane.eq(
                _mixed(
                    plan.fields(turned=True),
                    {**words, "token": at["token"][low:], "array": place_of["lanes"]},
                )
            ),
            self.token.eq(at["token"][:low]),
            self.channel.eq(at["channel"][:low]),
            self.tail.eq(
                Mux(
                    self.across,
                    at["token"][low:] == plan.words("token") - 1,
                    at["channel"][low:] == plan.words("channel") - 1,
                )
            ),
        ]


@dataclass(frozen=True)
class _Side:
    """A side of the memories: where it is, whether it goes on, and in which bank."""

    walk: Walk
    moves: Value
    bank: Value

    @property
    def skew(self) -> Value:
        """Places by which the values of a turned word are off their lanes."""
        return Mux(self.walk.across, self.walk.channel, self.walk.token)

    def lane(self, n: int) -> Value:
        """Give the address in a lane."""
        walk = self.walk
        place = Mux(walk.across, walk.channel ^ n, walk.token)[: len(walk.token)]
        return Cat(self.bank, place, walk.lane)


class ReorderLayer(LayerComponent):
    """Store a run of beats, and send them in another order.

    Words of arrays whose rows stay what they are lie in a memory a bank; those of turned arrays in
    B lanes of one bit, read and written at different addresses through a network of log2(B) rows
    of exchangers. Where rows of channels are cut otherwise than words, :class:`Regroup` stands at
    that side. Two banks take turns: beats come in, in every cycle, while others go out.

    Latency, from the first beat in to the last out, with I beats in and O out a run, R runs, and
    two banks: ``I + O + 1 + (R - 1) max(I, O)`` cycles where no side is regrouped. Interval:
    ``R max(I, O)``; with one bank ``R (I + O)``. With words in SPRAM the next run is read two
    cycles later. ``busy`` counts the words that are read. Where both orders are one, there is no
    memory and only a register: a beat a cycle, latency 1. Checked against
    :class:`spikeloom.golden.reorder.ReorderModel`.

    Parameters
    ----------
    design : ReorderDesign
        The reordering.

    Members
    -------
    i, o, busy
        As :class:`~spikeloom.hdl.frame.layer.LayerComponent`; busy while a word is read.
    """

    def __init__(self, design: ReorderDesign):
        self.design: Final = design
        self.plan: ReorderPlan = ReorderPlan(design)
        super().__init__(design)

    def compute_cycles(self, arrays: Mapping[str, ArrayLike] | None = None) -> int:
        """Predict the cycles in which a word is read, whatever the input."""
        if self.design.passes:
            return ReorderModel(self.design).beats_out
        return self.plan.count(self.design.order_out)

    def _about(self) -> dict[str, Any]:
        runs = prod(digit.count for digit in self.plan.runs)
        return {"banks": self.plan.banks, "runs": 0 if self.design.passes else runs}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self.design
        source, sink = beat_stream(design.word).create(), beat_stream(design.word).create()
        if rows := design.regroups(design.order_in, design.beat_in):
            m.submodules.cut = cut = Regroup(design.beat_in, rows[0], design.word, rows[1])
            _join(m, self.i, cut.i)
            _join(m, cut.o, source)
        else:
            _join(m, self.i, source)
        if rows := design.regroups(design.order_out, design.beat_out):
            m.submodules.join = join = Regroup(design.word, rows[1], design.beat_out, rows[0])
            _join(m, sink, join.i)
            _join(m, join.o, self.o)
        else:
            _join(m, sink, self.o)
        m.submodules.reader = reader = Walk(self.plan, design.order_out)
        if design.passes:
            self._pass_on(m, source, sink, reader)
        else:
            self._store(m, source, sink, reader)
        return m

    def _mask(self, reader: Walk, held: Value) -> Value:
        """Return which bits of a word are of its row; ``held`` says if it is the last of one."""
        word, whole = self.design.word, (1 << self.design.word) - 1
        tails = [self.plan.size(row) % word for row in ("channel", "token")]
        if not any(tails):
            return Const(whole, word)
        of_channels, of_tokens = (whole >> word - tail if tail else whole for tail in tails)
        return Mux(held[0], Mux(held[1], of_tokens, of_channels), whole)

    def _pass_on(self, m: Module, source: Any, sink: Any, reader: Walk) -> None:
        """Keep one beat: both orders are the same."""
        mask = self._mask(reader, Cat(reader.tail, reader.across))
        takes = Signal()
        m.d.comb += [
            source.ready.eq(~sink.valid | sink.ready),
            takes.eq(source.valid & source.ready),
            reader.en.eq(takes),
            self.busy.eq(takes),
        ]
        with m.If(source.ready):
            m.d.sync += sink.valid.eq(source.valid)
        with m.If(takes):
            m.d.sync += sink.payload.data.eq(source.payload.data & mask)
            m.d.sync += sink.payload.last.eq(reader.ends)

    def _store(self, m: Module, source: Any, sink: Any, reader: Walk) -> None:
        """Write words where they come, read them as they go."""
        plan, design = self.plan, self.design
        single = any(shape.single_port for shape in plan.memories)
        m.submodules.writer = writer = Walk(plan, design.order_in)
        m.submodules.ring = ring = BankRing(plan.banks)
        held, final = Signal(), Signal()
        waits: Value = held & final if single else Const(0)
        takes, reads, moves = Signal(), Signal(), Signal()
        m.d.comb += [
            source.ready.eq(ring.free),
            takes.eq(source.valid & ring.free),
            writer.en.eq(takes),
            ring.fill.eq(takes & writer.ends_run),
            moves.eq(held & sink.ready),
            reads.eq(ring.full & ~waits & (~held | sink.ready)),
            reader.en.eq(reads),
            self.busy.eq(reads),
            # A word that was read from a single port stays only until the next write.
            ring.drain.eq(moves & final if single else reads & reader.ends_run),
            sink.valid.eq(held),
        ]
        write, read = _Side(writer, takes, ring.filling), _Side(reader, reads, ring.draining)
        low = len(reader.channel)
        kept = Signal(4 + low + len(read.bank))
        now = Cat(reader.tail, reader.across, reader.turned, reader.ends, read.skew, read.bank)
        with m.If(moves):
            m.d.sync += held.eq(0)
        with m.If(reads):
            m.d.sync += [held.eq(1), final.eq(reader.ends_run), kept.eq(now)]
        turned, skew, bank = kept[2], kept[4 : 4 + low], kept[4 + low :]
        words = self._words(m, source.payload.data, write, read, bank)
        lanes = self._lanes(m, source.payload.data, write, read, skew)
        data = Mux(turned, lanes, words) if plan.straight and plan.turned else words | lanes
        m.d.comb += [
            sink.payload.data.eq(data & self._mask(reader, kept[:2])),
            sink.payload.last.eq(kept[3]),
        ]

    def _words(self, m: Module, data: Value, write: _Side, read: _Side, bank: Value) -> Value:
        """Add the memories of straight arrays; give the word that was read."""
        found: list[Value] = []
        for n, shape in enumerate(self.plan.holding("words")):
            store = add_memory(m, shape)
            here = write.moves & ~write.walk.turned & (write.bank == n)
            store.write(m, write.walk.word, data, here)
            found.append(store.read(m, read.walk.word, read.moves & (read.bank == n)))
        return Array(found)[bank] if found else Const(0)

    def _lanes(self, m: Module, data: Value, write: _Side, read: _Side, skew: Value) -> Value:
        """Add the lanes of turned arrays; give the word that was read."""
        found: list[Value] = []
        coming = _exchange(m, "coming", data, write.skew)
        for n, shape in enumerate(self.plan.holding("lane")):
            store = add_memory(m, shape)
            store.write(m, write.lane(n), coming[n], write.moves & write.walk.turned)
            found.append(store.read(m, read.lane(n), read.moves))
        return _exchange(m, "going", Cat(found), skew) if found else Const(0)


def _join(m: Module, source: Any, sink: Any) -> None:
    """Join a stream to one whose beats have other bits: those that are missing are 0."""
    m.d.comb += [
        sink.payload.data.eq(source.payload.data),
        sink.payload.last.eq(source.payload.last),
        sink.valid.eq(source.valid),
        source.ready.eq(sink.ready),
    ]


def _exchange(m: Module, name: str, word: Value, skew: Value) -> Value:
    """Put bit n of a word at n xor ``skew``."""
    for level in range(len(skew)):
        turned = Signal(len(word), name=f"{name}{level}")
        other = Cat(word[n ^ (1 << level)] for n in range(len(word)))
        m.d.comb += turned.eq(Mux(skew[level], other, word))
        word = turned
    return word
