"""Write down plans: beats, numbers, memories with their blocks, cycles.

Of every example, and of small layers that choose what no example does.

    python tools/plans.py            compare with tests/plans.json; exit code 1 where they differ
    python tools/plans.py --write    write it, after a change of a plan that was meant

``tests/test_plans.py`` compares too, and checks the file by formulas of its own. A change of this
file in a commit is a change of what some layer costs, and is to be looked at as one.
"""

import json
import sys
from typing import Any

from files import ROOT, examples

from spikeloom.design.base import Design
from spikeloom.design.file import load_design
from spikeloom.golden.kinds import model
from spikeloom.hdl.kinds import component

FILE = ROOT / "tests" / "plans.json"


_SMALL = {"tokens": 12, "dim": 24, "heads": 2, "steps": 3}
_STATE = {**_SMALL, "folding": {"order": "state", "lanes": 8}}
_WIDE = {"dim": 16, "heads": 1, "steps": 2, "folding": {"order": "state", "spikes": 2}}
_INTEGER = {"kind": "integer-attention", **_SMALL}
_MASK = {"kind": "mask", **_SMALL, "threshold": 3}
_WEIGHTS = {"values": [[(5 * row + 3 * n) % 15 - 9 for n in range(5)] for row in range(8)]}
_PROJECTION = {"kind": "projection", "tokens": 5, "inputs": 5, "dim": 8, "steps": 3}
_PROJECTION |= {"weights": _WEIGHTS, "scale": "1/16"}

#: Choices that no example makes, by name.
MORE = {
    "more-state-alpha": {**_STATE, "similarity": "alpha-xnor", "alpha": 0.375},
    "more-state-alphas": {**_STATE, "similarity": "alpha-xnor", "alpha": [0.25, 0.5]},
    "more-state-hamming": {**_STATE, "similarity": "hamming", "position": "gray"},
    "more-state-xnor-log": {**_STATE, "similarity": "xnor", "position": ["gray", "log"]},
    "more-state-drive": {**_STATE, "similarity": "xnor", "neuron": "none"},
    "more-state-if": {**_STATE, "neuron": "if", "reset": "soft", "threshold": 3},
    "more-state-one-step": {**_STATE, "steps": 1},
    "more-score-if": {**_SMALL, "neuron": "if", "threshold": "1/8", "scale": "1/8"},
    "more-score-rows": {**_SMALL, "folding": {"rows": 4, "lanes": 4}, "target": {"beat": 16}},
    "more-score-drive": {**_SMALL, "similarity": "hamming", "neuron": "none"},
    "more-score-large": {"tokens": 600, "dim": 64, "heads": 2, "steps": 2},
    "more-wide-two-tokens": {"tokens": 2, **_WIDE},
    "more-wide-three-tokens": {"tokens": 3, **_WIDE},
    "more-wide-large": {"tokens": 300, **_WIDE},
    "more-integer-signed": {**_INTEGER, "v_bits": 5, "reset": "soft", "folding": {"lanes": 4}},
    "more-integer-drive": {**_INTEGER, "neuron": "none", "folding": {"lanes": 2}},
    "more-integer-levels": {**_INTEGER, "neuron": "multispike", "folding": {"lanes": 1}},
    "more-integer-shared": {
        **_INTEGER,
        **{"neuron": "multispike", "folding": {"lanes": 2}, "target": {"beat": 16}},
    },
    "more-integer-large": {**_INTEGER, "tokens": 900, "dim": 64, "heads": 1},
    "more-mask-token": {**_MASK, "attention": "qk-token"},
    "more-mask-channel": {**_MASK, "attention": "qk-channel", "reset": "soft"},
    "more-mask-sums": {**_MASK, "attention": "sdsa", "target": {"beat": 16}},
    "more-mask-one-step": {**_MASK, "attention": "sdsa", "steps": 1},
    "more-mask-wide": {**_MASK, "attention": "sdsa", "dim": 1024, "steps": 2},
    "more-mask-wide-one-step": {**_MASK, "attention": "sdsa", "dim": 1024, "steps": 1},
    "more-mask-tall": {**_MASK, "attention": "qk-token", "tokens": 700, "steps": 2},
    "more-mask-tall-one-step": {**_MASK, "attention": "qk-token", "tokens": 700, "steps": 1},
    "more-projection-lif": {**_PROJECTION, "tau": 4},
    "more-projection-soft": {**_PROJECTION, "reset": "soft", "levels": 3, "lanes": 2},
    "more-projection-drive": {**_PROJECTION, "neuron": "none"},
    "more-rate-float64": {
        **{"kind": "rate-attention", "tokens": 5, "dim": 6, "steps": 6},
        "accumulate": "float64",
    },
}


def designs() -> dict[str, Design]:
    """Return every layer whose plan is written down, by name."""
    found = {name: load_design(path) for name, path in examples().items()}
    return found | {name: Design.from_dict({**keys, "name": name}) for name, keys in MORE.items()}


def plan(design: Design) -> dict[str, Any]:
    """Return what follows from a design by counting, as its manifest says it."""
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
    found = text({name: plan(design) for name, design in designs().items()})
    if sys.argv[1:] == ["--write"]:
        FILE.write_text(found, encoding="utf-8")
        return 0
    if FILE.read_text(encoding="utf-8") == found:
        return 0
    print(f"{FILE}: is not what the plans are now; --write writes it", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
