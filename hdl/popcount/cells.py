"""Counters of matching pairs as lists of iCE40 cells, composed from a plan."""

from dataclasses import dataclass

from spikeloom.hdl.popcount.blocks import BLOCKS, Gate

__all__ = ["Carry", "Lemma", "Lut", "Netlist", "Register", "build"]

_XOR_CARRY = 0xC33C  # I1 ^ I2 ^ I3, the sum beside SB_CARRY
_PASS_CARRY = 0xFF00  # I3: the carry as a signal; without this cell two would be spent on it
_XOR4 = 0x6996
# Two-input functions that leave I1 and I2 to a carry, and the XNOR of I2 and I3.
_AND_OUTER, _XNOR_OUTER, _PASS_OUTER = 0xAA00, 0xAA55, 0xAAAA
_XNOR_LATE = 0xF00F


@dataclass(frozen=True)
class Lut:
    """An ``SB_LUT4``: signals at I0 to I3 and the truth table."""

    output: int
    inputs: tuple[int, int, int, int]
    table: int

    def support(self) -> tuple[int, ...]:
        """Return the inputs that the table depends on."""
        low = (0x5555, 0x3333, 0x0F0F, 0x00FF)
        return tuple(
            signal
            for k, signal in enumerate(self.inputs)
            if (self.table >> (1 << k) ^ self.table) & low[k]
        )


@dataclass(frozen=True)
class Carry:
    """An ``SB_CARRY``: the majority of ``a``, ``b`` and the carry in."""

    output: int
    a: int
    b: int
    carry: int

    @property
    def inputs(self) -> tuple[int, int, int]:
        """The operands and the carry in."""
        return self.a, self.b, self.carry


@dataclass(frozen=True)
class Register:
    """A flip-flop without reset or enable."""

    output: int
    data: int


Cell = Lut | Carry | Register


@dataclass(frozen=True)
class Lemma:
    """A sum identity: the weighted inputs equal the weighted outputs for all inputs.

    ``pairs`` are indices of pairs of weight 1, ``inputs`` and ``outputs`` are (signal, weight
    exponent), ``cells`` is the range of cells that makes the outputs. ``modulus`` is the exponent
    of the power of two up to which the identity holds, or None where it holds in the integers.
    """

    pairs: tuple[int, ...]
    inputs: tuple[tuple[int, int], ...]
    outputs: tuple[tuple[int, int], ...]
    cells: tuple[int, int]
    modulus: int | None = None


class Netlist:
    """Cells of a counter, in topological order, with the identities that prove it.

    Signals are integers: 0 is constant zero, ``1 + k`` and ``1 + width + k`` are bits ``k`` of the
    two words, higher ones are driven by a cell.

    Parameters
    ----------
    width : int
        Pairs counted.
    kind : str
        ``"xnor"`` or ``"and"``.
    """

    def __init__(self, width: int, kind: str):
        self.width = width
        self.kind = kind
        self.cells: list[Cell] = []
        self.lemmas: list[Lemma] = []
        self.outputs: tuple[int, ...] = ()
        self.latency = 0
        self.signals = 1 + 2 * width
        self._next_pair = 0

    def take_pair(self) -> int:
        """Return the index of the next pair that no cell has used."""
        self._next_pair += 1
        if self._next_pair > self.width:
            raise ValueError(f"Plan must use {self.width} pairs, and uses more")
        return self._next_pair - 1

    @property
    def pairs_left(self) -> int:
        """Pairs that no cell has used."""
        return self.width - self._next_pair

    def new(self) -> int:
        """Return a new signal."""
        self.signals += 1
        return self.signals - 1

    def lut(self, inputs: tuple[int, ...], table: int) -> int:
        """Add a LUT of up to four inputs and return its output."""
        rows = 1 << len(inputs)
        full = sum((table >> (row % rows) & 1) << row for row in range(16))
        pins = inputs + (0,) * (4 - len(inputs))
        return self._add(Lut(self.new(), (pins[0], pins[1], pins[2], pins[3]), full))

    def carry(self, a: int, b: int, carry: int) -> int:
        """Add a carry cell and return its output."""
        return self._add(Carry(self.new(), a, b, carry))

    def register(self, data: int) -> int:
        """Add a flip-flop and return its output."""
        return self._add(Register(self.new(), data))

    def merged_register(self, pins: tuple[int, int], table: int) -> int:
        """Add a LUT of I0 and I3 with its register, in the cell that injects it as a carry.

        Packing puts a carry into the cell whose I1 and I2 are its operands, so the LUT names its
        own register there, though its table does not depend on it.
        """
        output = self.new()
        data = self._add(Lut(self.new(), (pins[0], output, output, pins[1]), table))
        return self._add(Register(output, data))

    def _add(self, cell: Cell) -> int:
        self.cells.append(cell)
        return cell.output

    def pair_signals(self, pair: int) -> tuple[int, int]:
        """Return the two raw signals of a pair."""
        return 1 + pair, 1 + self.width + pair

    def pair_value(self, a: int, b: int) -> int:
        """Return the bit that a pair stands for."""
        return a & b if self.kind == "and" else 1 - (a ^ b)

    def gate(self, gate: Gate, signal: dict[str, int], pair: dict[str, int]) -> int:
        """Add the LUT of a block's gate, with each pair taken apart into its raw signals."""
        pins: list[int] = []
        for name in gate.inputs:
            pins += self.pair_signals(pair[name]) if name in pair else (signal[name],)
        table = 0
        for row in range(1 << len(pins)):
            bits = (row >> pin & 1 for pin in range(len(pins)))
            index = 0
            for place, name in enumerate(gate.inputs):
                value = self.pair_value(next(bits), next(bits)) if name in pair else next(bits)
                index |= value << place
            table |= (gate.table >> index & 1) << row
        return self.lut(tuple(pins), table)

    def lemma(
        self,
        pairs: list[int],
        inputs: list[tuple[int, int]],
        outputs: list[tuple[int, int]],
        modulus: int | None = None,
    ) -> None:
        """Record the identity that the cells behind those of the last lemma make true."""
        span = (self.lemmas[-1].cells[1] if self.lemmas else 0, len(self.cells))
        self.lemmas.append(Lemma(tuple(pairs), tuple(inputs), tuple(outputs), span, modulus))


@dataclass
class _Bit:
    """A bit of a column: its signal and the number of cells that it has come through."""

    signal: int
    depth: int
    dear: bool = False  # a register on it takes a cell of its own


class _Builder:
    """State while a plan is carried out: the bits of each column that wait to be summed."""

    def __init__(self, width: int, kind: str):
        self.net = Netlist(width, kind)
        self.columns: list[list[_Bit]] = [[] for _ in range(width.bit_length())]
        self.pairs: list[int] = []  # pairs that a later stage takes as carry-in
        self.level = 0
        self.waiting: list[_Bit] = []  # the same behind the first rank of registers, now bits

    def take(self, column: int, count: int) -> list[_Bit]:
        """Take bits out of a column: early ones first, of those that are in time the dear ones."""

        def rank(bit: _Bit) -> tuple[int, bool, int]:
            return max(bit.depth - self.level, 0), not bit.dear, bit.depth

        bits = sorted(self.columns[column], key=rank)
        self.columns[column] = bits[count:]
        return bits[:count]

    def block(self, name: str, column: int) -> None:
        net, block = self.net, BLOCKS[name]
        pairs = [net.take_pair() for _ in range(block.pairs)]
        bits = self.take(column, block.bits)
        signal = {f"b{k}": bit.signal for k, bit in enumerate(bits)}
        depth = {f"b{k}": bit.depth for k, bit in enumerate(bits)}
        pair = {f"p{k}": index for k, index in enumerate(pairs)}
        for k, gate in enumerate(block.gates):
            signal[f"g{k}"] = net.gate(gate, signal, pair)
            depth[f"g{k}"] = 1 + max(depth.get(name, 0) for name in gate.inputs)
        outputs = []
        inner = {name for gate in block.gates for name in gate.inputs}
        for weight, g in enumerate(block.outputs, column):
            bit = _Bit(signal[f"g{g}"], depth[f"g{g}"], f"g{g}" in inner)
            self.columns[weight].append(bit)
            outputs.append((bit.signal, weight))
        net.lemma(pairs, [(bit.signal, column) for bit in bits], outputs)

    def chain(self, column: int, text: str) -> None:
        """Add a carry chain: a start, the number of bits added in each column, an end."""
        net = self.net
        carry, depth, pairs = 0, 0, []
        inputs: list[tuple[int, int]] = []
        outputs: list[tuple[int, int]] = []

        def give(signal: int, level: int) -> None:
            self.columns[column].append(_Bit(signal, level))
            outputs.append((signal, column))

        if text[0] in "wb":
            bit = self.waiting.pop() if text[0] == "w" else self.take(column, 1)[0]
            inputs.append((bit.signal, column))
            carry, depth = net.carry(bit.signal, bit.signal, 0), bit.depth
        elif text[0] == "p" and net.kind == "and":
            pairs.append(net.take_pair())
            carry, depth = net.carry(*net.pair_signals(pairs[0]), 0), 1
        elif text[0] == "p":  # placement merges a LUT on I2 and I3 with the carry that it feeds
            pairs.append(net.take_pair())
            value = net.lut((0, 0, *net.pair_signals(pairs[0])), _XNOR_LATE)
            carry, depth = net.carry(value, value, 0), 1
        elif text[0] == "q":  # the cell whose carry is one AND has two LUT inputs left for another
            if net.kind != "and":
                raise ValueError(f'Chain {text!r} must go with the kind "and", not {net.kind!r}')
            pairs += [net.take_pair(), net.take_pair()]
            (a, b), (c, d) = map(net.pair_signals, pairs)
            carry, depth = net.carry(a, b, 0), 1
            give(net.lut((c, a, b, d), _AND_OUTER), 1)
        for count in text[1:-1]:
            bits = self.take(column, int(count))
            inputs += [(bit.signal, column) for bit in bits]
            a, b, *_ = *(bit.signal for bit in bits), 0, 0
            depth = max([depth] + [bit.depth for bit in bits])
            give(net.lut((0, a, b, carry), _XOR_CARRY), depth + 1)
            carry = net.carry(a, b, carry)
            column += 1
        if text[-1] == "e":
            give(net.lut((0, 0, 0, carry), _PASS_CARRY), depth + 1)
            net.lemma(pairs, inputs, outputs)
        elif text[-1] == "t":  # top column: no carry can leave it, so three bits fit beside carry
            bits = self.take(column, 3)
            inputs += [(bit.signal, column) for bit in bits]
            a, b, c, *_ = *(bit.signal for bit in bits), 0, 0, 0
            give(net.lut((a, b, c, carry), _XOR4), depth + 1)
            net.lemma(pairs, inputs, outputs, column + 1)
        else:
            raise ValueError(f"Chain must end in 'e' or 't', not {text!r}")

    def cut(self) -> None:
        """Put a rank of registers on everything that waits to be summed."""
        net = self.net
        for weight, column in enumerate(self.columns):
            for bit in column:
                old = bit.signal
                bit.signal, bit.depth, bit.dear = net.register(old), 0, True
                net.lemma([], [(old, weight)], [(bit.signal, weight)])
        for bit in self.waiting:
            old = bit.signal
            bit.signal = net.merged_register((old, 0), _PASS_OUTER)
            net.lemma([], [(old, 0)], [(bit.signal, 0)])
        for pair in self.pairs:
            table = _AND_OUTER if net.kind == "and" else _XNOR_OUTER
            bit = _Bit(net.merged_register(net.pair_signals(pair), table), 0)
            self.waiting.append(bit)
            net.lemma([pair], [], [(bit.signal, 0)])
        self.pairs, self.level = [], 0
        net.latency += 1


def build(width: int, kind: str, plan: str) -> Netlist:
    """Carry out a plan and return its cells.

    A plan is a list of words. ``|`` is a rank of registers; ``/`` the next level of logic, which
    chooses between bits that are as good otherwise. ``P3B1@2*4`` is four blocks of three pairs
    and one bit in the column of weight 4 (``@0`` and ``*1`` may be left out). ``W`` is a pair that
    a later stage takes as a carry-in. ``+p221e@0`` is a carry chain that starts in column 0: the
    first letter names its carry-in (``p`` a pair, ``q`` a pair whose cell makes a bit of another
    pair, ``w`` a pair that waits, ``b`` a bit of the column, ``-`` none), each digit is the number
    of bits added in a column, and the last letter is the end (``e``: the carry is a bit, ``t``:
    the sum of the top column, which cannot overflow).

    Raises
    ------
    ValueError
        The plan does not leave one bit in each column, or not all pairs are used.
    """
    builder = _Builder(width, kind)
    for word in plan.split():
        name, _, times = word.partition("*")
        name, _, column = name.partition("@")
        for _ in range(int(times or 1)):
            if name == "|":
                builder.cut()
            elif name == "/":
                builder.level += 1
            elif name == "W":
                builder.pairs.append(builder.net.take_pair())
            elif name[0] == "+":
                builder.chain(int(column or 0), name[1:])
            else:
                builder.block(name, int(column or 0))
    if any(len(column) != 1 for column in builder.columns) or builder.net.pairs_left:
        left = [len(column) for column in builder.columns]
        raise ValueError(
            f"Plan must leave one bit a column and no pair, and leaves {left}: {plan!r}"
        )
    builder.net.outputs = tuple(column[0].signal for column in builder.columns)
    return builder.net
