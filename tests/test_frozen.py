"""What ``generate`` makes of every example: the hardware is held still while the code moves.

``tools/freeze.py --write`` writes ``tests/frozen.json`` after a change of the hardware that was
meant; its figures are then to be measured again (``spikeloom bench``).
"""

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from spikeloom.cli import main
from spikeloom.design import load_design
from spikeloom.hdl.kinds import component
from spikeloom.sim import verilog

from .tools import tool

ROOT = Path(__file__).resolve().parent.parent

freeze = tool("freeze")
EXAMPLES = freeze.examples()
WRITTEN = json.loads(freeze.FILE.read_text())


def test_every_example_is_held():
    assert list(WRITTEN) == list(EXAMPLES)
    assert f"amaranth=={version('amaranth')}\n" in (ROOT / "constraints.txt").read_text()


def test_tool_makes_what_generate_makes():
    assert freeze.digest(freeze.source(EXAMPLES["tiny-32x64"])) == WRITTEN["tiny-32x64"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_generates(name, tmp_path, monkeypatch):
    """Looks at the RTLIL on its way to Verilog: making it is what takes time."""
    design = load_design(EXAMPLES[name])
    made = []
    convert = verilog.to_rtlil
    monkeypatch.setattr(verilog, "to_rtlil", lambda *what: made.append(convert(*what)) or made[-1])
    assert main(["generate", str(EXAMPLES[name]), "-o", str(tmp_path), "--json"]) == 0
    assert (tmp_path / f"{design.name}.v").stat().st_size > 1000
    (text,) = made
    assert re.search(rf"^module \\{design.module}$", text, re.M)
    memories = [memory for memory in component(design).memories if not memory.rom]
    block, single = (sum(m.single_port is kind for m in memories) for kind in (False, True))
    assert text.count("cell $memwr_v2") == block
    assert (single == 0) == ("SB_SPRAM256KA" not in text)
    assert freeze.digest(text) == WRITTEN[name], "the hardware is not what it was"
