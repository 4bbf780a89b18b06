"""Proofs for all inputs, by Yosys' SAT solver: each says that one bit of a circuit is always 1."""

import functools
import operator
from pathlib import Path

import pytest
from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

import spikeloom.sim
from spikeloom.boards.tools import ToolError
from spikeloom.boards.yosys import run_yosys
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import Ranges, membrane_range
from spikeloom.hdl.neuron.format import NeuronFormat
from spikeloom.hdl.neuron.pieces import NeuronAdd, NeuronFire, NeuronPreset
from spikeloom.hdl.position.gray import GrayCode
from spikeloom.hdl.position.rotate import CyclicShifter
from spikeloom.hdl.similarity.similarity import Similarity
from spikeloom.sim.verilog import to_rtlil

pytestmark = pytest.mark.synth

CELLS = Path(spikeloom.sim.__path__[0], "ice40_cells.v")


class Claim(wiring.Component):
    """Inputs, and a claim about them that ``state`` builds."""

    def __init__(self, inputs, state):
        self._state = state
        super().__init__({**{name: In(s) for name, s in inputs.items()}, "claim": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.claim.eq(self._state(m, self))
        return m


def prove(tmp_path, inputs, state):
    (tmp_path / "claim.il").write_text(to_rtlil(Claim(inputs, state), "claim"))
    script = "read_rtlil claim.il\nproc\nflatten\nopt\nalumacc\nopt\n"
    run_yosys(script + "sat -verify -prove claim 1 claim\n", cwd=tmp_path)


def every(conditions):
    return functools.reduce(operator.and_, conditions)


@pytest.mark.parametrize("width", [2, 3, 5, 8, 12, 16])
def test_rotating_there_and_back_is_the_identity(tmp_path, width):
    def state(m, ports):
        m.submodules.there = there = CyclicShifter(width)
        m.submodules.back = back = CyclicShifter(width)
        m.d.comb += [
            there.i.eq(ports.word),
            there.amount.eq(ports.amount),
            back.i.eq(there.o),
            back.amount.eq(Mux(ports.amount == 0, 0, width - ports.amount)),
        ]
        return (ports.amount >= width) | (back.o == ports.word)

    prove(tmp_path, {"word": width, "amount": range(width)}, state)


@pytest.mark.parametrize("width", [3, 7, 12])
def test_a_rotation_keeps_the_number_of_spikes(tmp_path, width):
    def state(m, ports):
        m.submodules.dut = dut = CyclicShifter(width)
        m.d.comb += [dut.i.eq(ports.word), dut.amount.eq(ports.amount)]
        return sum(dut.o[bit] for bit in range(width)) == sum(
            ports.word[bit] for bit in range(width)
        )

    prove(tmp_path, {"word": width, "amount": range(width)}, state)


@pytest.mark.parametrize("bits", [3, 8, 12])
def test_neighbours_differ_in_one_bit_and_codes_add_without_carry(tmp_path, bits):
    def state(m, ports):
        codes = []
        for n, index in enumerate([ports.i, ports.i + 1, ports.j, ports.i ^ ports.j]):
            m.submodules[f"code{n}"] = code = GrayCode(1 << bits, bits)
            m.d.comb += code.index.eq(index)
            codes.append(code.o)
        change = Signal(bits)
        m.d.comb += change.eq(codes[0] ^ codes[1])
        one = (change != 0) & ((change & (change - 1)) == 0)
        return one & ((codes[0] ^ codes[2]) == codes[3])

    prove(tmp_path, {"i": bits, "j": bits}, state)


SPECS = [
    NeuronSpec("lif", 1, 0, 8, "hard"),
    NeuronSpec("lif", 1, 0, 11, "hard"),
    NeuronSpec("lif", 1, 3, 45, "hard"),
    NeuronSpec("lif", 2, 2, 37, "hard"),
    NeuronSpec("lif", 1, 1, 11, "soft"),
    NeuronSpec("lif", 3, 3, 61, "soft"),
    NeuronSpec("if", 0, 0, 13, "hard"),
    NeuronSpec("if", 0, 0, 13, "soft"),
    NeuronSpec("lif", 0, 0, 6, "hard", odd=3, keep=1),
    NeuronSpec("lif", 0, 1, 13, "soft", odd=3, keep=1, up=True),
    NeuronSpec("lif", 2, 0, 9, "hard", keep=1, up=True),
    NeuronSpec("lif", 1, 2, 37, "hard", odd=3, keep=5),
]


@pytest.mark.parametrize(
    ("spec", "saturating"),
    [(spec, form) for spec in SPECS for form in (False, True) if not form or spec.reset == "hard"],
    ids=str,
)
def test_a_lane_is_the_integer_neuron(tmp_path, spec, saturating):
    """Every membrane and every three scores: spike and next membrane are those of the formula."""
    score = (0, 9) if saturating else (-9, 9)
    drive = (3 * score[0], 3 * score[1])
    saturate = spec.saturate if score[0] >= 0 else None
    span = Ranges(score, drive, membrane_range(spec, drive, 4), saturate)
    fmt = NeuronFormat(spec, span, saturating)
    low, high = span.membrane

    def state(m, ports):
        m.submodules.preset = preset = NeuronPreset(fmt)
        m.submodules.fire = fire = NeuronFire(fmt)
        stored = fmt.offset if fmt.stores_start else 0
        wide = signed(24)
        membrane, total, a = Signal(wide), Signal(wide), Signal(wide)
        m.d.comb += [membrane.eq(Mux(ports.first, 0, ports.membrane))]
        m.d.comb += [preset.membrane.eq(ports.membrane + stored), preset.first.eq(ports.first)]
        acc: Value = preset.acc
        added: Value = membrane * spec.keep
        for n in range(3):
            given = getattr(ports, f"score{n}")
            top = span.clipped_score[1] if saturating else score[1]
            m.submodules[f"add{n}"] = add = NeuronAdd(fmt)
            m.d.comb += [
                add.acc.eq(acc),
                add.score.eq(Mux(given > top, top, given)),
                add.en.eq(ports.en[n]),
            ]
            acc = add.o
            added = added + (Mux(ports.en[n], given, 0) << spec.fraction)
        dividend, after = Signal(wide), ports.after
        fires = a >= spec.threshold
        reset = a - spec.subtracted if spec.reset == "soft" else 0
        m.d.comb += [
            total.eq(added),
            a.eq(total),
            fire.acc.eq(acc),
            dividend.eq(Mux(fires, reset, a) + spec.rise),
        ]
        reachable = (ports.membrane >= low) & (ports.membrane <= high)
        kept = (after >= low) & (after <= high)
        kept &= (after * spec.divisor <= dividend) & (dividend < (after + 1) * spec.divisor)
        for n in range(3):
            given = getattr(ports, f"score{n}")
            reachable &= (given >= score[0]) & (given <= score[1])
        right = (fire.spike == fires) & (~kept | (fire.membrane == after + stored))
        return ~reachable | right

    inputs = {"membrane": range(low, high + 1), "after": range(low, high + 1), "first": 1, "en": 3}
    inputs |= {f"score{n}": range(score[0], score[1] + 1) for n in range(3)}
    prove(tmp_path, inputs, state)


# With soft reset half of the threshold must lie on the grid.
@pytest.mark.parametrize(("threshold", "reset"), [(8, "hard"), (13, "hard"), (8, "soft")])
def test_the_floor_form_fires_as_the_real_neuron(tmp_path, threshold, reset):
    """Four steps of any drives, against a membrane that keeps every bit of every halving."""
    steps = 4
    spec = NeuronSpec("lif", 1, 0, threshold, reset)
    drive = (-32, 31)
    fmt = NeuronFormat(spec, Ranges(drive, drive, membrane_range(spec, drive, steps), None))

    def state(m, ports):
        exact: Value = Signal(signed(16))  # in units of 2**-steps
        stored: Value | None = None
        same = []
        for step in range(steps):
            x = getattr(ports, f"x{step}")
            h = Signal(signed(16), name=f"h{step}")
            fires = h >= threshold << steps
            m.d.comb += h.eq(exact + (x << steps))
            exact = Signal(signed(16), name=f"exact{step}")
            after = h - (threshold << steps) if reset == "soft" else 0
            m.d.comb += exact.eq(Mux(fires, after, h) >> 1)

            m.submodules[f"preset{step}"] = preset = NeuronPreset(fmt)
            m.submodules[f"add{step}"] = add = NeuronAdd(fmt)
            m.submodules[f"fire{step}"] = fire = NeuronFire(fmt)
            if stored is not None:
                m.d.comb += preset.membrane.eq(stored)
            m.d.comb += [
                preset.first.eq(step == 0),
                add.acc.eq(preset.acc),
                add.score.eq(x),
                add.en.eq(1),
                fire.acc.eq(add.o),
            ]
            stored = fire.membrane
            same.append(fire.spike == fires)
        return every(same)

    prove(tmp_path, {f"x{step}": signed(6) for step in range(steps)}, state)


@pytest.mark.parametrize("technology", ["portable", "ice40"])
@pytest.mark.parametrize("kappa", [0, 1, 3, 5, 7, 8, 11, 13, 15, 16])
def test_alpha_xnor_weighs_by_shifts(tmp_path, kappa, technology):
    """A free-running pipeline without feedback equals its registers replaced by wires."""
    width, alpha_bits = 6, 4

    def state(m, ports):
        m.submodules.dut = dut = Similarity(width, 1 << alpha_bits, kappa, technology=technology)
        both, neither = ports.q & ports.k, ~(ports.q | ports.k)
        want = sum((both[n] << alpha_bits) + neither[n] * kappa for n in range(width))
        m.d.comb += [dut.q.eq(ports.q), dut.k.eq(ports.k)]
        return dut.o == want

    (tmp_path / "claim.il").write_text(to_rtlil(Claim({"q": width, "k": width}, state), "claim"))
    (tmp_path / "cells.v").write_bytes(CELLS.read_bytes())
    (tmp_path / "wires.v").write_text(
        "module \\$_DFF_P_ (input D, C, output Q); assign Q = D; endmodule\n"
    )
    run_yosys(
        "read_rtlil claim.il\nread_verilog cells.v\nhierarchy -top claim\nproc\nflatten\nopt\n"
        "setattr -unset init w:*\nsimplemap t:$dff\ntechmap -map wires.v\nopt\n"
        "select -assert-none t:$_DFF_P_ t:$dff\nsat -verify -prove claim 1 claim\n",
        cwd=tmp_path,
    )


def test_a_false_claim_is_refuted(tmp_path):
    def state(m, ports):
        m.submodules.dut = dut = CyclicShifter(5)
        m.d.comb += [dut.i.eq(ports.word), dut.amount.eq(ports.amount)]
        return dut.o == ports.word

    with pytest.raises(ToolError):
        prove(tmp_path, {"word": 5, "amount": range(5)}, state)
