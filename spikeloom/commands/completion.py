"""``spikeloom completion``: what makes a shell complete commands, options and files."""

from argparse import Action, ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import shtab

from spikeloom.cli import main_parser

__all__ = ["run"]


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Give the script for a shell."""
    parser = main_parser()
    for action in _actions(parser):
        if action.type is Path:
            folder = action.metavar in ("DIR", "OTHER")
            # shtab looks for this attribute.
            vars(action)["complete"] = shtab.DIRECTORY if folder else shtab.FILE
    script = shtab.complete(parser, shell=options.shell)
    return 0, {"script": script} if options.json else script


def _actions(parser: ArgumentParser) -> Iterator[Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, _SubParsersAction):
            for made in action.choices.values():
                yield from _actions(made)
