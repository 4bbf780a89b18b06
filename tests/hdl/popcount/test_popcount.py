import itertools
import json
import random

import pytest
from amaranth.sim import Simulator

from spikeloom.boards.units import Bench, measure, synthesize_unit
from spikeloom.golden.popcount import and_popcount, xnor_popcount
from spikeloom.hdl.popcount.blocks import BLOCKS
from spikeloom.hdl.popcount.cells import Lut, build
from spikeloom.hdl.popcount.pairs import PairPopcount
from spikeloom.hdl.popcount.popcount import Popcount

from ...tools import tool

proof = tool("popcount_proof")


def count_pairs(a, b, width, kind):
    return and_popcount(a, b) if kind == "and" else xnor_popcount(a, b, width=width)


def words(width, count, seed=1):
    """Extremes and random pairs of words, many of them nearly equal so that counts reach far."""
    rng = random.Random(seed)
    full = (1 << width) - 1
    pairs = [(0, 0), (0, full), (full, 0), (full, full)]
    while len(pairs) < count:
        a = rng.getrandbits(width)
        pairs.append((a, rng.getrandbits(width)))
        pairs.append((a, a ^ (1 << rng.randrange(width))))
        pairs.append((full ^ (1 << rng.randrange(width)), full))
    return pairs[:count]


def simulate(dut, inputs, expected):
    """Give one input in each cycle; every count must come ``latency`` cycles later."""

    async def testbench(ctx):
        for cycle in range(len(inputs) + dut.latency):
            if cycle < len(inputs):
                for port, value in inputs[cycle].items():
                    ctx.set(getattr(dut, port), value)
            if cycle >= dut.latency:
                assert ctx.get(dut.o) == expected[cycle - dut.latency], inputs[cycle - dut.latency]
            if dut.latency:
                await ctx.tick()

    simulator = Simulator(dut)
    if dut.latency:
        simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize("stages", [None, 0, 1, 2, 5])
@pytest.mark.parametrize("width", [1, 2, 3, 7, 8])
def test_every_word(width, stages):
    inputs = [{"i": word} for word in range(1 << width)]
    simulate(Popcount(width, stages=stages), inputs, [bin(x["i"]).count("1") for x in inputs])


@pytest.mark.parametrize("width", [13, 64, 69, 80])
def test_wide_words(width):
    inputs = [{"i": a} for a, _ in words(width, 200)]
    simulate(Popcount(width), inputs, [bin(x["i"]).count("1") for x in inputs])


@pytest.mark.parametrize(
    ("width", "latency"), [(1, 1), (8, 1), (9, 2), (64, 2), (65, 3), (80, 3), (512, 3)]
)
def test_default_latency_allows_eight_values_a_stage(width, latency):
    assert Popcount(width).latency == latency


@pytest.mark.parametrize("kind", ["xnor", "and"])
@pytest.mark.parametrize("stages", [0, 1, 2])
def test_portable_pairs(kind, stages):
    pairs = list(itertools.product(range(16), repeat=2))
    expected = [count_pairs(a, b, 4, kind) for a, b in pairs]
    dut = PairPopcount(4, kind=kind, stages=stages)
    simulate(dut, [{"a": a, "b": b} for a, b in pairs], expected)


@pytest.mark.parametrize(
    ("width", "message"),
    [(0, "Width must be a positive integer, not 0"), ("8", "Width must be a positive integer, .*")],
)
@pytest.mark.parametrize("unit", [Popcount, PairPopcount])
def test_width_is_checked(unit, width, message):
    with pytest.raises(TypeError, match=f"^{message}$"):
        unit(width)


def test_stages_are_checked():
    with pytest.raises(TypeError, match="^Stages must be a non-negative integer or None, not -1$"):
        Popcount(8, stages=-1)
    with pytest.raises(TypeError, match="^Stages must be a non-negative integer, not -1$"):
        PairPopcount(8, stages=-1)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"kind": "or"}, 'Kind must be "xnor" or "and", not \'or\''),
        ({"technology": "ecp5"}, 'Technology must be "ice40" or "portable", not \'ecp5\''),
        ({"prefer": "power"}, 'Preference must be "cells" or "clock", not \'power\''),
    ],
)
def test_choices_are_checked(option, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        PairPopcount(8, **option)


@pytest.mark.parametrize("name", BLOCKS)
def test_block_counts_every_input(name):
    block = BLOCKS[name]
    for values in itertools.product((0, 1), repeat=block.pairs + block.bits):
        assert proof.evaluate_block(block, values[: block.pairs], values[block.pairs :]) == sum(
            values
        ), values


@pytest.mark.parametrize("name", BLOCKS)
def test_block_fits_luts(name):
    for gate in BLOCKS[name].gates:
        assert sum(2 if pin[0] == "p" else 1 for pin in gate.inputs) <= 4


@pytest.mark.parametrize("kind", ["xnor", "and"])
@pytest.mark.parametrize("prefer", ["cells", "clock"])
@pytest.mark.parametrize("width", [*range(1, 9)])
def test_cells_count_every_pair_of_words(width, prefer, kind):
    unit = PairPopcount(width, kind=kind, technology="ice40", stages=0, prefer=prefer)
    pairs = list(itertools.product(range(1 << width), repeat=2))
    assert proof.evaluate(unit.netlist(), pairs) == [
        count_pairs(a, b, width, kind) for a, b in pairs
    ]


@pytest.mark.parametrize("kind", ["xnor", "and"])
@pytest.mark.parametrize("prefer", ["cells", "clock"])
@pytest.mark.parametrize("stages", [1, 2, 3, 5])
@pytest.mark.parametrize("width", [16, 21, 32, 64, 69, 128])
def test_cells_count_wide_words(width, stages, prefer, kind):
    unit = PairPopcount(width, kind=kind, technology="ice40", stages=stages, prefer=prefer)
    pairs = words(width, 3000)
    assert proof.evaluate(unit.netlist(), pairs) == [
        count_pairs(a, b, width, kind) for a, b in pairs
    ]


@pytest.mark.parametrize(("width", "luts"), [(16, 27), (32, 57), (64, 118), (128, 239)])
def test_luts_of_the_smallest_units(width, luts):
    netlist = PairPopcount(width, technology="ice40", prefer="cells").netlist()
    assert sum(isinstance(cell, Lut) for cell in netlist.cells) == luts


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("P3B0", "Plan must leave one bit a column and no pair, .*"),
        ("P3B0 P2B0", "Plan must use 4 pairs, and uses more"),
        ("P3B0 +p11", "Chain must end in 'e' or 't', not .*"),
        ("+q1e", "Chain 'q1e' must go with the kind \"and\", not 'xnor'"),
    ],
)
def test_plan_is_checked(plan, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        build(4, "xnor", plan)


def test_bench_needs_registers():
    with pytest.raises(ValueError, match="^Unit must have at least one stage, not 0$"):
        Bench(PairPopcount(8, stages=0))


def run_netlist(cells, order, state, bit):
    """Evaluate the combinational cells of a synthesized module, over many vectors at once."""
    for name in order:
        pins = {port: bits[0] for port, bits in cells[name]["connections"].items()}
        value = {port: state.get(net, 0) for port, net in pins.items()}
        if cells[name]["type"] == "SB_CARRY":
            a, b, c = value["I0"], value["I1"], value["CI"]
            state[pins["CO"]] = a & b | a & c | b & c
            continue
        table = int(cells[name]["parameters"]["LUT_INIT"].replace("x", "0"), 2)
        out = 0
        for row in range(16):
            if table >> row & 1:
                term = bit
                for pin in range(4):
                    term &= value[f"I{pin}"] if row >> pin & 1 else ~value[f"I{pin}"]
                out |= term
        state[pins["O"]] = out & bit


def topological(cells, known):
    """Order cells so that each comes after those that drive pins its table depends on."""
    order, left, known = [], dict(cells), set(known)
    while left:
        ready = []
        for name, cell in left.items():
            pins = cell["connections"]
            used = [pins[p][0] for p in pins if p not in ("O", "CO")]
            if cell["type"] == "SB_LUT4":
                table = int(cell["parameters"]["LUT_INIT"].replace("x", "0"), 2)
                used = [
                    pins[f"I{k}"][0]
                    for k in range(4)
                    if any((table >> r ^ table >> (r ^ 1 << k)) & 1 for r in range(16))
                ]
            if all(net in known or isinstance(net, str) for net in used):
                ready.append(name)
        assert ready, "the netlist has a loop"
        for name in ready:
            pins = left.pop(name)["connections"]
            known.add(pins.get("O", pins.get("CO"))[0])
        order += ready
    return order


@pytest.mark.synth
@pytest.mark.parametrize(
    ("width", "kind", "stages", "prefer"),
    [
        (16, "xnor", 1, "cells"),
        (16, "and", 1, "cells"),
        (16, "and", 3, "clock"),
        (32, "xnor", 2, "cells"),
        (64, "xnor", 1, "cells"),
        (64, "xnor", 5, "clock"),
        (128, "xnor", 1, "cells"),
    ],
)
def test_synthesized_netlist_counts(tmp_path, width, kind, stages, prefer):
    unit = PairPopcount(width, kind=kind, technology="ice40", stages=stages, prefer=prefer)
    netlist = synthesize_unit(unit, tmp_path)
    module = json.loads(netlist.json.read_text())["modules"]["bench"]
    cells = module["cells"]
    flops = {n: c["connections"] for n, c in cells.items() if c["type"] == "SB_DFF"}
    rest = {n: c for n, c in cells.items() if c["type"] != "SB_DFF"}
    assert {c["type"] for c in rest.values()} == {"SB_LUT4", "SB_CARRY"}

    # Words in the shift register: its flip-flops are those whose net names are bits of "taps".
    taps = module["netnames"]["taps"]["bits"]
    assert len(taps) == 2 * width
    pairs = words(width, 3000)
    bit = (1 << len(pairs)) - 1
    state = {"0": 0, "1": bit, "x": 0}
    for k, net in enumerate(taps):
        side, place = divmod(k, width)
        state[net] = sum((pair[side] >> place & 1) << row for row, pair in enumerate(pairs))
    order = topological(rest, [c["Q"][0] for c in flops.values()])
    # The words stand still while the pipeline fills.
    for _ in range(unit.latency):
        run_netlist(rest, order, state, bit)
        step = {c["Q"][0]: state.get(c["D"][0], 0) for c in flops.values() if c["Q"][0] not in taps}
        state.update(step)
    outputs = module["ports"]["o"]["bits"]
    counts = [
        sum((state[net] >> row & 1) << k for k, net in enumerate(outputs))
        for row in range(len(pairs))
    ]
    assert counts == [count_pairs(a, b, width, kind) for a, b in pairs]


@pytest.mark.synth
@pytest.mark.parametrize(
    ("width", "stages", "prefer", "kind", "cells"),
    [
        (16, 1, "cells", "xnor", 27),
        (16, 1, "clock", "xnor", 31),
        (16, 2, "cells", "xnor", 31),
        (16, 1, "cells", "and", 27),
        (16, 1, "clock", "and", 29),
        (64, 1, "cells", "xnor", 118),
        (64, 2, "cells", "xnor", 127),
        (64, 5, "clock", "xnor", 148),
    ],
)
def test_logic_cells(tmp_path, monkeypatch, width, stages, prefer, kind, cells):
    unit = PairPopcount(width, kind=kind, technology="ice40", stages=stages, prefer=prefer)
    monkeypatch.chdir(tmp_path)
    report = measure(unit, seeds=(), work=tmp_path)
    assert report.logic_cells == cells
    assert report.worst_mhz is None
