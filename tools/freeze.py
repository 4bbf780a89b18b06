"""Write down the digest of every example's RTLIL: a move in the code leaves each as it is.

    python tools/freeze.py           compare with tests/frozen.json; exit code 1 where they differ
    python tools/freeze.py --write   write it, after a change of the hardware that was meant

``tests/test_frozen.py`` compares too. The digests hold for the version of Amaranth that
constraints.txt names.
"""

import hashlib
import json
import sys
from pathlib import Path

from files import ROOT, examples

from spikeloom.design.file import load_design
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.verilog import to_rtlil

FILE = ROOT / "tests" / "frozen.json"


def source(path: Path) -> str:
    """Return the RTLIL that a design file becomes."""
    design = load_design(path)
    return to_rtlil(AxiStreamTop(design), design.module)


def digest(source: str) -> str:
    """Digest RTLIL."""
    return hashlib.sha256(source.encode()).hexdigest()[:32]


def main() -> int:
    """Compare or write; return the exit code."""
    found = {name: digest(source(path)) for name, path in examples().items()}
    if sys.argv[1:] == ["--write"]:
        FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return 0
    written = json.loads(FILE.read_text(encoding="utf-8"))
    changed = [name for name in {**written, **found} if written.get(name) != found.get(name)]
    for name in changed:
        print(f"{name}: is not what it was; --write writes it down", file=sys.stderr)
    return int(bool(changed))


if __name__ == "__main__":
    sys.exit(main())
