import doctest
import importlib
import pkgutil

import pytest

import spikeloom

MODULES = sorted(m.name for m in pkgutil.walk_packages(spikeloom.__path__, "spikeloom."))


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
