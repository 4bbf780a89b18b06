import hashlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spikeloom.design import load_design
from spikeloom.generating import generate
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.verilog import to_verilog

from ...designs import layer
from ...tools import example

ROOT = Path(__file__).resolve().parents[3]
NAMES = ["tiny-32x64", "tiny-32x64-table", "tiny-32x64-xnor-shift-gray", "tiny-32x64-alpha"]


def generated(folder, seed):
    """Generate in a process of its own, from within ``folder``; give the digests of the files."""
    folder.mkdir(parents=True)
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    code = (
        "import sys; from pathlib import Path; from spikeloom.design import load_design; "
        "from spikeloom.generating import generate; "
        "[generate(load_design(p), Path('out')) for p in sys.argv[1:]]"
    )
    paths = [os.path.relpath(example(name), folder) for name in NAMES]
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *paths],
        cwd=folder,
        env=environment,
        check=True,
    )
    files = sorted((folder / "out").iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_same_bytes_for_every_hash_seed_and_folder(tmp_path):
    first = generated(tmp_path / "a", 0)
    assert set(first) == {f"{name}.{kind}" for name in NAMES for kind in ("v", "json")}
    assert generated(tmp_path / "b c" / "d", 1) == first
    assert generated(tmp_path / "e", 2) == first


def test_no_path_or_date_in_the_files(tmp_path):
    for path in generate(load_design(example("tiny-32x64")), tmp_path):
        text = path.read_text()
        for word in (str(ROOT), str(tmp_path), sys.prefix, str(Path.home()) + "/", ".py"):
            assert word not in text
        assert not re.search(r"\b20\d\d-\d\d", text)


def test_ports(tmp_path):
    design = load_design(example("tiny-32x64"))
    verilog = generate(design, tmp_path)[0].read_text()
    tops = [
        m for m in re.findall(r"^module (\S+?)\((.*?)\);", verilog, re.M) if m[0] == "tiny_32x64"
    ]
    ((_, ports),) = tops
    streams = [f"{s}_axis_t{n}" for s in "sm" for n in ("data", "valid", "ready", "last")]
    assert ports.split(", ") == ["clk", "rst", *streams, "busy"]


def test_generating_is_quick(record_property, capsys):
    design = load_design(example("tiny-32x64"))
    start = time.perf_counter()
    to_verilog(AxiStreamTop(design), design.module)
    seconds = time.perf_counter() - start
    # A machine may be busy, so this is for reading.
    record_property("seconds", seconds)
    with capsys.disabled():
        print(f"tiny-32x64 generated in {seconds:.2f} s")


@pytest.mark.parametrize("position", ["gray-rom", "log-rom", "log-code", "xor", "shift"])
def test_tables_and_memories_say_what_they_are(position):
    row = {"similarity": "xnor", "position": position, "neuron": "hard", "tokens": 12}
    row |= {"head_dim": 4, "steps": 4, "rows": 2, "lanes": 2, "beat": 8, "heads": 2}
    verilog = to_verilog(AxiStreamTop(layer({**row, "buffers": 1, "grid": 1})), "layer")
    styles = re.findall(r'\(\* (r.m_style) = "(\w+)" \*\)', verilog)
    assert styles.count(("ram_style", "block")) == 5
    assert ("rom_style", "block") in styles
