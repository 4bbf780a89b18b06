"""``spikeloom lint``: what is wrong or doubtful in design files."""

from argparse import Namespace
from typing import Any

from spikeloom.design.file import load_design

__all__ = ["run"]


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Read every file; a warning means exit code 1, a fault is raised."""
    found = {str(path): load_design(path).warnings for path in options.designs}
    code = int(any(found.values()))
    if options.json:
        return code, {"warnings": found}
    return code, "".join(f"{file}: {text}\n" for file, texts in found.items() for text in texts)
