"""Proof of a pair counter, as a list of iCE40 cells: that its outputs are the count.

Every block and chain of cells states an identity of its own, weighted inputs equal weighted outputs
(:class:`spikeloom.hdl.popcount.cells.Lemma`), which is checked over all values of its inputs. The
identities must then add up to the count.
"""

from collections.abc import Sequence

from spikeloom.hdl.popcount.blocks import Block
from spikeloom.hdl.popcount.cells import Carry, Lemma, Lut, Netlist, Register

__all__ = ["evaluate", "evaluate_block", "prove", "settle"]


def evaluate(net: Netlist, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Return the count for each of the given pairs of words, as if registers were wires."""
    value = [0] * net.signals
    for row, words in enumerate(pairs):
        for side, word in enumerate(words):
            for k in range(net.width):
                value[1 + side * net.width + k] |= (word >> k & 1) << row
    settle(net, value, (0, len(net.cells)), (1 << len(pairs)) - 1)
    return [
        sum((value[signal] >> row & 1) << k for k, signal in enumerate(net.outputs))
        for row in range(len(pairs))
    ]


def evaluate_block(block: Block, pairs: tuple[int, ...], bits: tuple[int, ...]) -> int:
    """Return the count that the gates give for the values of the pairs and bits."""
    value = {f"p{k}": x for k, x in enumerate(pairs)} | {f"b{k}": x for k, x in enumerate(bits)}
    for k, gate in enumerate(block.gates):
        row = sum(value[name] << place for place, name in enumerate(gate.inputs))
        value[f"g{k}"] = gate.table >> row & 1
    return sum(value[f"g{g}"] << weight for weight, g in enumerate(block.outputs))


def settle(net: Netlist, value: list[int], span: tuple[int, int], mask: int) -> None:
    """Compute the outputs of a range of cells from the signals before them, in place.

    A value holds one bit for each test vector, ``mask`` one set bit for each.
    """
    for cell in net.cells[span[0] : span[1]]:
        if isinstance(cell, Lut):
            rows = [mask if cell.table >> row & 1 else 0 for row in range(16)]
            for signal in cell.inputs:
                on, off = value[signal], mask & ~value[signal]
                rows = [
                    low & off | high & on for low, high in zip(rows[::2], rows[1::2], strict=True)
                ]
            value[cell.output] = rows[0]
        elif isinstance(cell, Carry):
            a, b, carry = value[cell.a], value[cell.b], value[cell.carry]
            value[cell.output] = a & b | a & carry | b & carry
        else:
            value[cell.output] = value[cell.data]


def prove(net: Netlist) -> None:
    """Prove for all inputs that the outputs are the count; raise AssertionError if not.

    Each lemma is checked over every value of its own inputs. The sum of the lemmas must then
    leave nothing but the pairs on one side and the outputs on the other, every signal must
    be made before it is used, and every path must cross the same number of registers.
    """
    rank = dict.fromkeys(range(1 + 2 * net.width), 0)
    balance: dict[int, int] = {}
    counted: list[int] = []
    proved: set[tuple] = set()
    for lemma in net.lemmas:
        shape = _shape(net, lemma)
        if shape not in proved:
            _prove_lemma(net, lemma)
            proved.add(shape)
        counted += lemma.pairs
        for cell in net.cells[slice(*lemma.cells)]:
            if isinstance(cell, Register):
                rank[cell.output] = rank[cell.data] + 1
            else:
                pins = cell.support() if isinstance(cell, Lut) else cell.inputs
                ranks = {rank[pin] for pin in pins if pin}
                if len(ranks) > 1:
                    raise AssertionError(f"{cell} mixes the ranks {ranks}")
                rank[cell.output] = max(ranks)
        for sign, terms in ((-1, lemma.inputs), (1, lemma.outputs)):
            for signal, weight in terms:
                balance[signal] = balance.get(signal, 0) + (sign << weight)
    for weight, signal in enumerate(net.outputs):
        balance[signal] = balance.get(signal, 0) - (1 << weight)
        if rank[signal] != net.latency:
            raise AssertionError(f"Output {weight} has latency {rank[signal]}")
    if sorted(counted) != list(range(net.width)) or any(balance.values()):
        raise AssertionError("The lemmas do not sum to the count")
    if any(lemma.modulus not in (None, len(net.outputs)) for lemma in net.lemmas):
        raise AssertionError("A lemma holds modulo less than the range of the outputs")


def _shape(net: Netlist, lemma: Lemma) -> tuple:
    """Name a lemma so that another use of the same cells has the same name."""
    free = [pin for pair in lemma.pairs for pin in net.pair_signals(pair)]
    order = [0, *free, *(signal for signal, _ in lemma.inputs)]
    label = {signal: k for k, signal in enumerate(order)}
    cells = []
    for cell in net.cells[slice(*lemma.cells)]:
        pins = (cell.data,) if isinstance(cell, Register) else cell.inputs
        labels = [label.setdefault(pin, len(label)) for pin in (cell.output, *pins)]
        table = cell.table if isinstance(cell, Lut) else -1
        cells.append((type(cell), table, *labels))
    inputs, outputs = (
        tuple((label[signal], weight) for signal, weight in terms)
        for terms in (lemma.inputs, lemma.outputs)
    )
    return len(lemma.pairs), inputs, outputs, lemma.modulus, tuple(cells)


def _prove_lemma(net: Netlist, lemma: Lemma) -> None:
    free = [pin for pair in lemma.pairs for pin in net.pair_signals(pair)]
    free += [signal for signal, _ in lemma.inputs]
    vectors = 1 << len(free)
    value = [0] * net.signals
    for k, signal in enumerate(free):
        ones = ((1 << (1 << k)) - 1) << (1 << k)  # one period of input k, then repeated
        value[signal] = sum(ones << row for row in range(0, vectors, 2 << k))
    settle(net, value, lemma.cells, (1 << vectors) - 1)
    for row in range(vectors):
        left = sum((value[s] >> row & 1) << w for s, w in lemma.inputs)
        for pair in lemma.pairs:
            a, b = (value[pin] >> row & 1 for pin in net.pair_signals(pair))
            left += net.pair_value(a, b)
        right = sum((value[s] >> row & 1) << w for s, w in lemma.outputs)
        if left != right if lemma.modulus is None else (left - right) % (1 << lemma.modulus):
            raise AssertionError(f"{lemma} fails for vector {row:#x}")
