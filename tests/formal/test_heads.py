"""Proofs for all inputs of what heads with numbers of their own add to the units."""

from dataclasses import replace

import pytest
from amaranth.hdl import Array, Mux, Signal, Value, signed

from spikeloom.golden.ranges import Ranges, membrane_range
from spikeloom.hdl.neuron.format import NeuronFormat
from spikeloom.hdl.neuron.pieces import NeuronAdd, NeuronFire, NeuronPreset
from spikeloom.hdl.similarity.alpha import AlphaSimilarity
from spikeloom.sim.verilog import to_rtlil

from .test_units import CELLS, SPECS, Claim, prove, run_yosys

pytestmark = pytest.mark.synth

CASES = [spec for spec in SPECS if spec.shift < 3 and spec.fraction < 3]


@pytest.mark.parametrize(
    ("spec", "saturating"),
    [(spec, form) for spec in CASES for form in (False, True) if not form or spec.reset == "hard"],
    ids=str,
)
def test_a_lane_is_the_integer_neuron_of_every_head(tmp_path, spec, saturating):
    """Three thresholds, every membrane of each, every two scores, clipped at the greatest."""
    specs = [replace(spec, threshold=own) for own in (spec.threshold, 3, spec.threshold + 5)]
    score = (0, 9) if saturating else (-5, 6)
    drive = (2 * score[0], 2 * score[1])
    heads = tuple((own.threshold, membrane_range(own, drive, 4)) for own in specs)
    low = min(span[0] for _, span in heads)
    high = max(span[1] for _, span in heads)
    saturate = specs[2].saturate if score[0] >= 0 else None
    span = Ranges(score, drive, (low, high), saturate, heads=heads)
    fmt = NeuronFormat(spec, span, saturating)
    assert fmt.by_head
    assert len(set(fmt.offsets)) == 3

    def state(m, ports):
        m.submodules.preset = preset = NeuronPreset(fmt)
        m.submodules.fire = fire = NeuronFire(fmt)
        wide = signed(24)
        offset, threshold = Signal(fmt.offset_shape), Signal(wide)
        least, most = Signal(wide), Signal(wide)
        m.d.comb += [
            offset.eq(Array(fmt.offsets)[ports.head]),
            threshold.eq(Array([own.threshold for own in specs])[ports.head]),
            least.eq(Array([span[0] for _, span in heads])[ports.head]),
            most.eq(Array([span[1] for _, span in heads])[ports.head]),
            preset.offset.eq(offset),
            fire.offset.eq(offset),
        ]
        stored = offset if fmt.stores_start else 0
        membrane, a, dividend = Signal(wide), Signal(wide), Signal(wide)
        after = ports.after
        m.d.comb += [
            membrane.eq(Mux(ports.first, 0, ports.membrane)),
            preset.membrane.eq(ports.membrane + stored),
            preset.first.eq(ports.first),
        ]
        acc: Value = preset.acc
        added: Value = membrane * spec.keep
        for n in range(2):
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
        fires = a >= threshold
        reset = a - threshold + spec.up if spec.reset == "soft" else 0
        m.d.comb += [
            a.eq(added),
            fire.acc.eq(acc),
            dividend.eq(Mux(fires, reset, a) + spec.rise),
        ]
        reachable = (ports.membrane >= least) & (ports.membrane <= most) & (ports.head < 3)
        kept = (after >= least) & (after <= most)
        kept &= (after * spec.divisor <= dividend) & (dividend < (after + 1) * spec.divisor)
        for n in range(2):
            given = getattr(ports, f"score{n}")
            reachable &= (given >= score[0]) & (given <= score[1])
        right = (fire.spike == fires) & (~kept | (fire.membrane == after + stored))
        return ~reachable | right

    inputs = {"membrane": range(low, high + 1), "first": 1, "en": 2, "head": 2}
    inputs["after"] = range(low, high + 1)
    inputs |= {f"score{n}": range(score[0], score[1] + 1) for n in range(2)}
    prove(tmp_path, inputs, state)


@pytest.mark.parametrize("technology", ["portable", "ice40"])
@pytest.mark.parametrize("kappas", [(0, 16), (1, 2), (3, 5, 11), tuple(range(17))], ids=str)
def test_alpha_xnor_weighs_by_an_input(tmp_path, kappas, technology):
    """A free-running pipeline without feedback equals its registers replaced by wires."""
    width, alpha_bits = 6, 4

    def state(m, ports):
        m.submodules.dut = dut = AlphaSimilarity(
            width, 1 << alpha_bits, kappas, technology=technology
        )
        both, neither = ports.q & ports.k, ~(ports.q | ports.k)
        want = sum((both[n] << alpha_bits) + neither[n] * ports.kappa for n in range(width))
        m.d.comb += [dut.q.eq(ports.q), dut.k.eq(ports.k), dut.weight.eq(ports.kappa)]
        known = sum(ports.kappa == kappa for kappa in kappas) == 0
        return known | (dut.o == want)

    inputs = {"q": width, "k": width, "kappa": range(17)}
    (tmp_path / "claim.il").write_text(to_rtlil(Claim(inputs, state), "claim"))
    (tmp_path / "cells.v").write_bytes(CELLS.read_bytes())
    (tmp_path / "wires.v").write_text(
        "module \\$_DFF_P_ (input D, C, output Q); assign Q = D; endmodule\n"
    )
    run_yosys(
        "read_rtlil claim.il\nread_verilog cells.v\nhierarchy -top claim\nproc\nflatten\n"
        "opt -nosdff\nsetattr -unset init w:*\nsimplemap t:$dff\ntechmap -map wires.v\n"
        "opt -nosdff\nselect -assert-none t:$_DFF_P_ t:$dff\nsat -verify -prove claim 1 claim\n",
        cwd=tmp_path,
    )
