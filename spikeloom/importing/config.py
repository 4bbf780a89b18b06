"""Configuration files of published networks: what their state dicts do not hold."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikeloom.design.read import DesignError, show
from spikeloom.errors import words
from spikeloom.files import FormatError, read_text

__all__ = ["Config", "read_config"]

_SUFFIXES = ".yml, .yaml, .toml or .json"
_LONGEST = 1 << 18
_MOST_VALUES = 10_000
_DEEPEST = 16
_BASE = "_base_"
_MOST_BASES = 16

# YAML 1.1 takes 1e-5 for text; whoever writes it means a number.
_EXPONENT = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$")


@dataclass(frozen=True)
class Config:
    """What a configuration file says.

    Parameters
    ----------
    file : str
        The file; empty without one.
    values : mapping
        Values by key; keys of tables within tables are joined by dots, as ``network.depths``.
    """

    file: str
    values: Mapping[str, object]

    def get(self, *names: str) -> tuple[str, object] | None:
        """Return key and value of the first of these names that the file has.

        >>> Config("", {"network.dim": 256}).get("dim", "network.dim")
        ('network.dim', 256)
        """
        for name in names:
            if name in self.values:
                return name, self.values[name]
        return None


def read_config(path: Path | None) -> Config:
    """Read a configuration file: YAML (of SeqSNN, timm and others), TOML or JSON, by its suffix.

    Files that SeqSNN's ``_base_`` names, against the file's own folder, are read first, and what
    the file says itself goes before what they say.

    Parameters
    ----------
    path : Path or None
        The file; None gives no values.

    Raises
    ------
    DesignError
        A file cannot be read, is not what its suffix says, is larger than 256 KiB, or names itself.
    """
    if path is None:
        return Config("", {})
    return Config(str(path), _with_bases(path, ()))


def _with_bases(path: Path, above: tuple[Path, ...]) -> dict[str, object]:
    file = str(path)
    if path.resolve() in above or len(above) >= _MOST_BASES:
        raise DesignError(_BASE, show(file), "must not lead back to a file that names it", file)
    tree = _parse(path)
    given = tree.pop(_BASE, [])
    bases = [given] if isinstance(given, str) else given
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise DesignError(_BASE, show(given), "must be names of files", file)
    if len(bases) > _MOST_BASES:
        raise DesignError(_BASE, f"{len(bases)} files", f"must be at most {_MOST_BASES}", file)
    values: dict[str, object] = {}
    for base in bases:
        values |= _with_bases(path.parent / base, (*above, path.resolve()))
    return values | _flatten(tree, "")


def _parse(path: Path) -> dict[str, Any]:
    file, suffix = str(path), path.suffix.lower()
    try:
        text = read_text(path)
        if len(text) > _LONGEST:
            raise FormatError(f"must be of at most {_LONGEST >> 10} KiB")
        tree = _tree(text, suffix)
    except FormatError as error:
        raise DesignError("", "", str(error), file) from None
    except OSError as error:
        allowed = f"must be a file that can be read ({words(error)})"
        raise DesignError("", "", allowed, file) from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        kind = type(tree).__name__
        raise DesignError("", "", f"must be a table of keys and values, not a {kind}", file)
    _count(tree, _MOST_VALUES, 0, file)
    return tree


def _count(value: object, left: int, depth: int, file: str) -> int:
    """Refuse more values than a file has place for: names of YAML can stand for any number."""
    if left <= 0 or depth > _DEEPEST:
        allowed = f"must hold at most {_MOST_VALUES} values, {_DEEPEST} tables deep"
        raise DesignError("", "", allowed, file)
    left -= 1
    if isinstance(value, (Mapping, list)):
        for entry in value.values() if isinstance(value, Mapping) else value:
            left = _count(entry, left, depth + 1, file)
    return left


def _tree(text: str, suffix: str) -> object:
    match suffix:
        case ".yml" | ".yaml":
            return _yaml(text)
        case ".toml":
            read: Any = tomllib.loads
        case ".json":
            read = json.loads
        case _:
            raise FormatError(f"must be called {_SUFFIXES}")
    try:
        return read(text)
    except (ValueError, RecursionError, OverflowError) as error:
        raise FormatError(f"must be valid {suffix[1:].upper()} ({words(error)})") from None


def _yaml(text: str) -> object:
    try:
        import yaml
    except ImportError:
        raise FormatError("needs PyYAML: pip install spikeloom[import]") from None

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+0123456789."))
    try:
        return yaml.load(text, Loader)
    # Its parser and its constructors of dates and numbers have errors of their own.
    except Exception as error:
        raise FormatError(f"must be valid YAML ({words(error)})") from None


def _flatten(tree: Mapping[Any, object], path: str) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in tree.items():
        name = f"{path}{key}"
        if isinstance(value, Mapping) and value:
            values |= _flatten(value, f"{name}.")
        else:
            values[name] = value
    return values
