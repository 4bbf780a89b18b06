"""Packages whose names are imported when they are first used."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import spikeloom
import spikeloom.hdl

PACKAGES = [spikeloom, spikeloom.hdl]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_names_are_those_that_type_checkers_see(package):
    tree = ast.parse(Path(package.__file__).read_text())
    (checked,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in checked.body for alias in node.names}
    assert set(seen) == set(package.__all__) - {"__version__"}
    for name, home in seen.items():
        assert getattr(package, name) is getattr(importlib.import_module(home), name)
        assert name in dir(package)
    (call,) = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    homes = {k.value: v.value for k, v in zip(call.keys, call.values, strict=True)}
    assert homes == seen


def test_other_names_are_missing():
    with pytest.raises(AttributeError, match=r"^module 'spikeloom' has no attribute 'attention'$"):
        _ = spikeloom.attention


def test_nothing_is_imported_before_it_is_used():
    code = (
        "import sys, spikeloom, spikeloom.hdl\n"
        "early = {'numpy', 'amaranth', 'pydantic'} & set(sys.modules)\n"
        "from spikeloom.hdl import Popcount\n"
        "late = [name for name in sys.modules if name.startswith('spikeloom.hdl.attention')]\n"
        "sys.exit(str((early, late)) if early or late else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
