"""Lists of cells and the plans they come from: by hand, and by refuting what was broken."""

import dataclasses
import itertools

import pytest

from spikeloom.hdl.popcount.blocks import Block, Gate
from spikeloom.hdl.popcount.cells import Carry, Lemma, Lut, Netlist, Register, build
from spikeloom.hdl.popcount.plans import plan

from ...tools import tool

proof = tool("popcount_proof")


def test_a_lut_depends_on_what_its_table_says():
    for wanted in itertools.chain.from_iterable(
        itertools.combinations(range(4), count) for count in range(5)
    ):
        table = sum(1 << row for row in range(16) if sum(row >> n & 1 for n in wanted) % 2)
        lut = Lut(9, (5, 6, 7, 8), table)
        assert lut.support() == tuple(5 + n for n in wanted)


def test_a_netlist_by_hand():
    """Two pairs, (a & b) + (c & d) by an adder of one bit: sum and carry."""
    net = Netlist(2, "and")
    assert net.pairs_left == 2
    assert [net.pair_signals(net.take_pair()) for _ in range(2)] == [(1, 3), (2, 4)]
    with pytest.raises(ValueError, match="^Plan must use 2 pairs, and uses more$"):
        net.take_pair()
    one, other = net.lut((1, 3), 0b1000), net.lut((2, 4), 0b1000)
    net.outputs = (net.lut((one, other), 0b0110), net.carry(one, other, 0))
    kept = net.register(net.outputs[0])
    assert net.cells[-2:] == [Carry(net.outputs[1], one, other, 0), Register(kept, net.outputs[0])]
    pairs = list(itertools.product(range(4), repeat=2))
    assert proof.evaluate(net, pairs) == [(a & b).bit_count() for a, b in pairs]
    net.outputs = (kept, net.outputs[1])
    assert proof.evaluate(net, pairs) == [(a & b).bit_count() for a, b in pairs]


@pytest.mark.parametrize(("kind", "same"), [("and", [0, 0, 0, 1]), ("xnor", [1, 0, 0, 1])])
def test_a_pair_is_worth(kind, same):
    net = Netlist(1, kind)
    assert [net.pair_value(a, b) for a, b in itertools.product((0, 1), repeat=2)] == same
    output = net.gate(Gate(("p0", "b0"), 0b0110), {"b0": 0}, {"p0": 0})
    net.outputs = (output,)
    assert proof.evaluate(net, [(0, 0), (0, 1), (1, 0), (1, 1)]) == same


def broken(net):
    """Give the same counter with one cell or one claim that is wrong, in every way there is."""
    for n, cell in enumerate(net.cells):
        if isinstance(cell, Lut) and cell.support():
            yield "cells", n, dataclasses.replace(cell, table=cell.table ^ 0xFFFF)
        elif isinstance(cell, Carry):
            yield "cells", n, Carry(cell.output, cell.a, cell.b, cell.a)
    for n, lemma in enumerate(net.lemmas):
        outputs = tuple((signal, weight + 1) for signal, weight in lemma.outputs)
        yield "lemmas", n, dataclasses.replace(lemma, outputs=outputs)


@pytest.mark.parametrize(("width", "kind", "stages"), [(8, "and", 1), (16, "xnor", 2)])
def test_a_counter_is_proved_and_a_broken_one_refuted(width, kind, stages):
    text = plan(width, kind=kind, stages=stages, prefer="cells")
    net = build(width, kind, text)
    proof.prove(net)
    assert net.latency == stages
    assert all(isinstance(lemma, Lemma) for lemma in net.lemmas)
    refuted = 0
    for name, place, wrong in broken(net):
        parts = getattr(net, name)
        right, parts[place] = parts[place], wrong
        # A carry that nothing but its operands sets may be as right with another carry in.
        counts = proof.evaluate(net, [(0, 0), ((1 << width) - 1,) * 2, (0b1011, 0b0111), (5, 1)])
        want = [width if kind == "xnor" else 0, width, 2, 1]
        if kind == "xnor":
            want = [width, width, width - 2, width - 1]
        if name == "lemmas" or counts != want:
            with pytest.raises(AssertionError):
                proof.prove(net)
            refuted += 1
        parts[place] = right
    assert refuted > len(net.lemmas)
    proof.prove(net)


@pytest.mark.parametrize("kind", ["and", "xnor"])
@pytest.mark.parametrize("prefer", ["cells", "clock"])
@pytest.mark.parametrize("stages", [0, 1, 2, 4])
def test_every_plan_makes_a_counter(kind, prefer, stages):
    for width in (1, 2, 3, 5, 8, 16, 17, 33, 64, 100):
        net = build(width, kind, plan(width, kind=kind, stages=stages, prefer=prefer))
        assert net.latency == stages, width
        assert net.pairs_left == 0
        pairs = [(0, 0), ((1 << width) - 1, (1 << width) - 1), ((1 << width) - 1, 0)]
        pairs += [((1 << width) - 1, 1 << n) for n in range(width)]
        full = (1 << width) - 1
        want = [(a & b if kind == "and" else full ^ a ^ b).bit_count() for a, b in pairs]
        assert proof.evaluate(net, pairs) == want, width


def test_a_block_by_hand():
    adder = Block(0, 3, (Gate(("b0", "b1", "b2"), 0x96), Gate(("b0", "b1", "b2"), 0xE8)), (0, 1))
    for bits in itertools.product((0, 1), repeat=3):
        assert proof.evaluate_block(adder, (), bits) == sum(bits)
    chained = Block(1, 1, (Gate(("p0", "b0"), 0x6), Gate(("g0", "b0"), 0x6)), (1,))
    for pair, bit in itertools.product((0, 1), repeat=2):
        assert proof.evaluate_block(chained, (pair,), (bit,)) == pair
