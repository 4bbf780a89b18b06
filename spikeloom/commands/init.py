"""``spikeloom init``: a folder to start from."""

from argparse import Namespace
from typing import Any

from spikeloom.commands.progress import say
from spikeloom.project import examples, start

__all__ = ["run"]


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Write the folder, or list what it may start from."""
    if options.list:
        found = examples()
        if options.json:
            return 0, {"examples": found}
        width = max(map(len, found))
        return 0, "".join(f"{name:{width}}  {text}".rstrip() + "\n" for name, text in found.items())
    paths = start(options.folder, options.example)
    design = next(path for path in paths if path.suffix == ".toml")
    say(f"{options.folder / 'README.md'} says how to go on: spikeloom build {design} -o out/build")
    if options.json:
        return 0, {"design": str(design), "files": [*map(str, paths)]}
    return 0, "".join(f"{path}\n" for path in paths)
