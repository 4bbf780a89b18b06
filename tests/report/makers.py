"""Reports for tests: small, and complete."""

from spikeloom.report.files import Report, write


def make(**changes):
    """Give a small but complete report."""
    steps = [
        {"kind": "logic", "delay_ns": 1.4, "x": 4, "y": 1, "signal": "layer.engine.a_b"},
        {"kind": "routing", "delay_ns": 8.0, "x": 7, "y": 2, "signal": "layer.engine.a_b"},
        {"kind": "logic", "delay_ns": 5.6, "x": 7, "y": 2, "signal": "layer.count"},
    ]
    path = {
        "source": "clk", "target": "clk", "start": "layer.engine.a_b", "end": "layer.count",
        "logic_ns": 7.0, "routing_ns": 8.0, "levels": 6, "steps": steps,
    }  # fmt: skip
    zero = {"ffs": 0, "carries": 0, "ebr": 0, "spram": 0, "dsp": 0}
    base = {
        "name": "tiny",
        "made_by": "spikeloom 0",
        "steps": 4,
        "design": {"tokens": 32, "dim": 64, "heads": 4, "steps": 4, "similarity": "and",
                   "position": [], "neuron": "lif",
                   "folding": {"order": "score", "rows": 1, "lanes": None}},
        "layer": [["layer", "32 tokens x 64 dims, 4 heads, 4 time steps"]],
        "device": "up5k-sg48",
        "clock_mhz": 48.0,
        "area": {
            "logic_cells": {"used": 400, "available": 5280},
            "ebr": {"used": 6, "available": 30},
            "spram": {"used": 0, "available": 4},
            "dsp": {"used": 0, "available": 8},
            "pins": {"used": 25, "available": 39},
        },
        "netlist": {"lut4": 317, "ff": 187, "carry": 82, "ebr": 6, "spram": 0, "dsp": 0},
        "modules": [
            {"path": "", "logic_cells": 20, **zero},
            {"path": "layer", "logic_cells": 70, **zero},
            {"path": "layer.engine", "logic_cells": 300, **zero},
            {"path": "(packer)", "logic_cells": 10, **zero},
        ],
        "seeds": [
            {"seed": 1, "fmax_mhz": 66.0, "paths": [path, {**path, "target": "pin"}]},
            {"seed": 2, "fmax_mhz": 60.0, "paths": [path]},
        ],
        "bitstream_seed": 1,
        "measured": {"cycles": 9600, "compute_cycles": 8000, "interval": 8400},
        "predicted": {"compute_cycles": 8000},
        "stimulus": "20 % ones",
        "warnings": ["log with and: <unusual>"],
        "tools": {"yosys": "0.70"},
        "commands": ["yosys -s tiny.ys"],
    }  # fmt: skip
    return Report.model_validate(base | changes)


def pictured(**changes):
    """Give a report with all that is drawn."""
    pad = {"kind": "pins", "x": 6, "y": 0, "z": 1, "module": "", "name": "s_axis_tdata[1]"}
    ebr = {"kind": "ebr", "x": 6, "y": 3, "z": 0, "module": "layer.engine",
           "name": "layer.engine.state"}  # fmt: skip
    spram = {"kind": "spram", "x": 0, "y": 0, "z": 1, "module": "layer", "name": "layer.v.single"}
    drawn = {
        "checks": [{"target": "rtl", "against": ["golden", "recorded"], "inferences": 18}],
        "activity": {
            "cycles_a_bin": 64,
            "load": [64, 32, 0, 64],
            "compute": [0] + [64] * 270,
            "unload": [0] * 149 + [40, 24] + [0] * 119 + [64],
            "ends": [9600, 18000],
        },
        "stages": [
            {"name": "encoder", "begin": 0, "end": 3000},
            {"name": "blocks.0.attention", "begin": 3000, "end": 8000},
        ],
        "firing": [
            {"name": "encoder", "spikes": 120, "places": 1000},
            {"name": "blocks.0.attention", "spikes": 333, "places": 1000},
        ],
        "memories": [
            {"name": "state", "width": 32, "depth": 256, "ebr": 2, "spram": 0},
            {"name": "v", "width": 16, "depth": 16384, "ebr": 0, "spram": 1},
        ],
        "floorplan": {
            "columns": 26, "rows": 32, "memory_columns": [6, 19],
            "cells": {"": "1/1/0", "layer": "1/2/0 1/2/7", "layer.engine": "4/1/0 7/2/3 7/2/4"},
            "blocks": [pad, ebr, spram],
        },
    }  # fmt: skip
    return make(**{**drawn, **changes})


def save(report, folder):
    """Write a report into a new folder, and give the folder."""
    folder.mkdir(parents=True)
    write(report, folder)
    return folder
