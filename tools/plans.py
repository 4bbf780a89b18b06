"""Write down the plan of every example: beats, numbers, memories with their blocks, cycles.

    python tools/plans.py            compare with tests/plans.json; exit code 1 where they differ
    python tools/plans.py --write    write it, after a change of a plan that was meant

``tests/test_plans.py`` compares too, and checks the file by formulas of its own. A change of this
file in a commit is a change of what some layer costs, and is to be looked at as one.
"""

import json
import sys
from pathlib import Path
from typing import Any

from spikeloom.design_file import load_design
from spikeloom.golden.models import model
from spikeloom.hdl.layers import component

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "tests" / "plans.json"


def examples() -> list[Path]:
    """Return the design files of all examples."""
    return sorted((ROOT / "examples").glob("**/*.toml"))


def plan(path: Path) -> dict[str, Any]:
    """Return what follows from a design file by counting, as its manifest says it."""
    design = load_design(path)
    layer, described = component(design), model(design).describe()
    return {
        "beats": described["beats"],
        "numbers": described["numbers"],
        "layout": layer.manifest(),
        "ebr": sum(memory.ebr for memory in layer.memories),
        "spram": sum(memory.spram for memory in layer.memories),
    }


def text(plans: dict[str, Any]) -> str:
    """Write plans, one entry of each a line, so that a difference shows what it is."""
    lines = []
    for name, entries in plans.items():
        inner = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in entries.items()]
        lines.append(f" {json.dumps(name)}: {{\n" + ",\n".join(inner) + "\n }")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> int:
    """Compare or write; return the exit code."""
    found = text({path.stem: plan(path) for path in examples()})
    if sys.argv[1:] == ["--write"]:
        FILE.write_text(found, encoding="utf-8")
        return 0
    if FILE.read_text(encoding="utf-8") == found:
        return 0
    print(f"{FILE}: is not what the plans are now; --write writes it", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
