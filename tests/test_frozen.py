"""The hardware of every example, held still while the code around it moves.

``tools/freeze.py --write`` writes ``tests/frozen.json`` after a change of the hardware that was
meant; its figures are then to be measured again (``spikeloom bench``).
"""

import importlib.util
import json
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location("freeze", ROOT / "tools" / "freeze.py")
assert SPEC is not None
assert SPEC.loader is not None
freeze = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(freeze)

WRITTEN = json.loads(freeze.FILE.read_text())


def test_every_example_is_held():
    assert list(WRITTEN) == list(freeze.examples())


@pytest.mark.parametrize("name", freeze.examples())
def test_rtlil_is_as_it_was(name):
    assert f"amaranth=={version('amaranth')}\n" in (ROOT / "constraints.txt").read_text()
    assert freeze.digest(freeze.examples()[name]) == WRITTEN[name]
