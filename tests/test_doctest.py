import doctest
import importlib
import importlib.util
import pkgutil

import pytest

import spikeloom

# Networks to train need the extra 'torch', without which their package cannot be imported.
LEFT_OUT = () if importlib.util.find_spec("torch") else ("spikeloom.torch",)
MODULES = sorted(
    m.name
    for m in pkgutil.walk_packages(spikeloom.__path__, "spikeloom.")
    if m.name not in LEFT_OUT
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
