"""Files of tools/ for tests: imported as Python finds them when it runs one."""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


SHAPED = sorted((ROOT / "examples").glob("**/*-[0-9]*x[0-9]*.toml"))
"""Design files of the examples that are named by their shape; the others are trained networks."""


def example(name):
    """Return the design file NAME.toml of the examples, whichever folder holds it."""
    return tool("files").example(name)


def tool(name):
    """Import ``tools/NAME.py``."""
    folder = str(ROOT / "tools")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(folder)
