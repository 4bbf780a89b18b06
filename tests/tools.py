"""Files of tools/ for tests: imported as Python finds them when it runs one."""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def tool(name):
    """Import ``tools/NAME.py``."""
    folder = str(ROOT / "tools")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(folder)
