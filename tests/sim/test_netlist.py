import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import spikeloom.sim
from spikeloom.boards.yosys import yosys_share
from spikeloom.design import Design
from spikeloom.golden.attention.beats import counts, pack, unpack
from spikeloom.golden.attention.formula import attention
from spikeloom.sim.runner import run_bench
from spikeloom.sim.simulate import run, simulate
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import SimulationError, Stimulus

CELLS = Path(spikeloom.sim.__path__[0], "ice40_cells.v").read_text()
KINDS = ["DFF", "DFFE"] + [f"DFF{e}{k}" for e in ("", "E") for k in ("SR", "R", "SS", "S")]


def both(name, kind, parameters, inputs, output, width, known="1'b1"):
    """Instantiate Yosys' model and ours of one cell, with the same inputs."""
    made = f"  wire [{width - 1}:0] {name}_y, {name}_o;\n"
    connect = ", ".join(f".{port}({value})" for port, value in inputs.items())
    for model, prefix in (("y", "SB_"), ("o", "OUR_")):
        made += (
            f"  {prefix}{kind} #({parameters}) {name}_{model}_cell"
            f"({connect}, .{output}({name}_{model}));\n"
        )
    # What Yosys leaves undefined may be anything.
    differ = f"({known}) && (({name}_y ^ {name}_o) !== 0) && (^{name}_y !== 1'bx)"
    return made, differ


def top():
    rng = np.random.default_rng(7)
    made, differ = [], []

    def add(*arguments, **options):
        text, condition = both(*arguments, **options)
        made.append(text)
        differ.append(condition)

    tables = [1 << i for i in range(16)] + rng.integers(0, 1 << 16, 16).tolist()
    for i, table in enumerate(tables):
        pins = {f"I{n}": f"drive[{n}]" for n in range(4)}
        add(f"lut{i}", "LUT4", f".LUT_INIT(16'd{table})", pins, "O", 1)
    add("carry", "CARRY", "", {"I0": "drive[0]", "I1": "drive[1]", "CI": "drive[2]"}, "CO", 1)
    for kind in KINDS:
        pins = {"C": "clk", "D": "drive[0]"}
        if kind.startswith("DFFE"):
            pins["E"] = "drive[1]"
        if kind.endswith(("R", "S")):
            pins[kind[-1]] = "drive[2] & drive[3]"
        add(kind.lower(), kind, "", pins, "Q", 1)
    for read, write in itertools.product(range(4), range(4)):
        parameters = [f".READ_MODE({read})", f".WRITE_MODE({write})"]
        parameters += [
            f".INIT_{i:X}(256'h{int.from_bytes(rng.bytes(32), 'big'):x})" for i in range(16)
        ]
        pins = {
            **{"RCLK": "clk", "WCLK": "clk", "RE": "drive[0]", "RCLKE": "drive[1] | drive[2]"},
            **{"WE": "drive[3]", "WCLKE": "drive[4] | drive[5]"},
            # Few words, so that what was written is read again.
            **{"RADDR": "{drive[8:6], 5'd0, drive[11:9]}", "MASK": "drive[47:32]"},
            **{"WADDR": "{drive[14:12], 5'd0, drive[17:15]}", "WDATA": "drive[63:48]"},
        }
        add(f"ram{read}{write}", "RAM40_4K", ", ".join(parameters), pins, "RDATA", 16)
    for signs, inputs, inner, outer in itertools.product(range(4), range(2), range(2), range(2)):
        numbers = {
            **{"A_SIGNED": signs & 1, "B_SIGNED": signs >> 1, "A_REG": inputs, "B_REG": inputs},
            **dict.fromkeys(["TOP_8x8_MULT_REG", "BOT_8x8_MULT_REG"], inner),
            **{"PIPELINE_16x16_MULT_REG1": inner, "PIPELINE_16x16_MULT_REG2": outer},
            **{"TOPOUTPUT_SELECT": 3, "BOTOUTPUT_SELECT": 3},
        }
        zeros = "C D CHOLD DHOLD IRSTTOP IRSTBOT ORSTTOP ORSTBOT OLOADTOP OLOADBOT ADDSUBTOP "
        zeros += "ADDSUBBOT OHOLDTOP OHOLDBOT CI ACCUMCI SIGNEXTIN"
        pins = {
            **dict.fromkeys(zeros.split(), "0"),
            **{"CLK": "clk", "CE": "drive[0] | drive[1]", "A": "drive[31:16]"},
            **{"B": "drive[47:32]", "AHOLD": "&drive[3:2]", "BHOLD": "&drive[5:4]"},
        }
        parameters = ", ".join(f".{name}({value})" for name, value in numbers.items())
        add(f"mac{signs}{inputs}{inner}{outer}", "MAC16", parameters, pins, "O", 32)
    pins = {
        **{"CLOCK": "clk", "STANDBY": "1'b0", "SLEEP": "1'b0", "POWEROFF": "1'b1"},
        **{"CHIPSELECT": "drive[0] | drive[1]", "WREN": "drive[2]", "MASKWREN": "drive[6:3]"},
        **{"ADDRESS": "{11'd0, drive[9:7]}", "DATAIN": "drive[63:48]"},
    }
    add("spram", "SPRAM256KA", "", pins, "DATAOUT", 16, known="was_read")
    bits = ", ".join(f"1'b0 | ({condition})" for condition in differ)
    return (
        "module top(input clk, input [63:0] drive, output equal,\n"
        f"    output [{len(differ) - 1}:0] differ);\n"
        "  reg was_read = 0;\n"
        "  always @(posedge clk) if (drive[0] | drive[1]) was_read <= !drive[2];\n"
        f"{''.join(made)}  assign differ = {{{bits}}};\n"
        "  assign equal = differ === 0;\nendmodule\n"
    )


def models():
    yosys = (yosys_share() / "ice40" / "cells_sim.v").read_text()
    return "`define NO_ICE40_DEFAULT_ASSIGNMENTS\n" + yosys


@pytest.mark.cocotb
def test_cells_mean_what_yosys_says(tmp_path, event_simulator):
    if event_simulator != "icarus":
        pytest.skip("undefined values need a simulator that has them, such as Icarus")
    ours = re.sub(r"\bSB_", "OUR_", CELLS)
    text = models() + ours + top()
    run_bench(text, "spikeloom.sim.benches.cells", work=tmp_path, models=False)


@pytest.mark.cocotb
def test_cells_bench_notices_a_wrong_model(tmp_path, event_simulator):
    wrong = CELLS.replace("assign CO = (I0 & I1)", "assign CO = (I0 ^ I1)")
    assert wrong != CELLS
    text = models() + re.sub(r"\bSB_", "OUR_", wrong) + top()
    with pytest.raises(SimulationError, match="the models differ"):
        run_bench(
            text,
            "spikeloom.sim.benches.cells",
            work=tmp_path,
            simulator=event_simulator,
            models=False,
        )


def layer(**options):
    return Design.from_dict(
        {"name": "layer", "tokens": 5, "dim": 12, "heads": 3, "steps": 2, **options}
    )


DESIGNS = [
    layer(),
    layer(similarity="xnor", position="gray", reset="soft", folding={"rows": 2}),
    layer(similarity="hamming", position="log", neuron="if", target={"beat": 4}),
    layer(neuron="none", similarity="alpha-xnor", alpha=0.25),
    layer(gate=1, scale="1/2"),
    layer(similarity="alpha-xnor", alpha=[0.125, 0.5, 0.75], scale=[0.1, "1/8", 0.03]),
]


@pytest.mark.synth
@pytest.mark.parametrize("design", DESIGNS, ids=lambda d: f"{d.similarity}-{d.neuron}-{d.gate}")
def test_netlist_equals_golden(design):
    inputs = [draw_spikes(design, rate=rate, seed=i) for i, rate in enumerate((0.3, 1.0, 0.7))]
    frames = np.stack([pack(design, **arrays) for arrays in inputs])
    stimulus = Stimulus(frames, counts(design).outputs, stalls=0.3, seed=5)
    traffic = run(design, stimulus, target="netlist")
    for arrays, frame in zip(inputs, traffic.frames, strict=True):
        assert (unpack(design, frame) == attention(design, **arrays)).all()


@pytest.mark.synth
@pytest.mark.cocotb
@pytest.mark.parametrize("design", [DESIGNS[0], *DESIGNS[4:]], ids=["plain", "gate", "heads"])
def test_netlist_is_alike_in_an_event_simulator(design, event_simulator):
    spikes = draw_spikes(design, rate=0.8, seed=3)
    fast = simulate(design, **spikes, target="netlist")
    slow = simulate(design, **spikes, target="netlist", simulator=event_simulator)
    assert (fast.values == slow.values).all()
    assert fast.numbers == slow.numbers
    assert fast.values.any()


@pytest.mark.synth
@pytest.mark.cocotb
@pytest.mark.parametrize("folding", [{"rows": 2}, {"order": "state", "spikes": 2}])
def test_memories_may_be_undefined_where_nothing_looks(folding, event_simulator):
    # Five tokens and six channels leave words and bits that nothing ever writes.
    keys = {"tokens": 5, "dim": 12, "heads": 2, "steps": 2, "scale": 1}
    design = Design.from_dict({**keys, "folding": folding})
    spikes = draw_spikes(design, rate=0.5, seed=2)
    answer = simulate(design, spikes, target="netlist", simulator=event_simulator, stalls=0.2)
    assert (answer.values == attention(design, **spikes)).all()
