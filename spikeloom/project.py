"""A folder to start from: a design, a README, and a workflow that checks and builds it."""

import re
import shutil
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import Any

from spikeloom.design.names import default_name
from spikeloom.errors import RequestError, nearest, words
from spikeloom.files import InputError, fresh_folder, share
from spikeloom.kinds import KINDS

__all__ = ["examples", "start"]

_HERE = Path(__file__).resolve().parent
_STARTER = _HERE / "starter"
_EXAMPLES = _HERE / "examples"
_SCHEMA = "design.schema.json"
_PLACES = {
    "README.md": "README.md",
    "workflow.yml": ".github/workflows/spikeloom.yml",
    "gitignore": ".gitignore",
}
# Arrays and constraints that a design names.
_NAMED = (".npy", ".npz", ".pcf")


def examples() -> dict[str, str]:
    """Return the names of the examples, each with what its file says of it in the first line."""
    found = {}
    for path in sorted(_EXAMPLES.rglob("*.toml")):
        said = re.search(r"^# (.*)", path.read_text(encoding="utf-8"), re.MULTILINE)
        name = path.relative_to(_EXAMPLES).with_suffix("").as_posix()
        found[name] = said[1] if said else ""
    return found


def start(folder: Path, example: str | None = None) -> tuple[Path, ...]:
    """Write a design with its arrays, a README, a workflow and a schema into ``folder``.

    Parameters
    ----------
    folder : Path
        Made if it does not exist. Files that are there already are not touched.
    example : str or None
        One of :func:`examples`, or the last part of one. By default a small attention layer,
        which is called as the folder.

    Returns
    -------
    tuple of Path
        The files, the design first.

    Raises
    ------
    RequestError
        There is no such example.
    InputError
        A file of one of these names is there already, or the folder cannot be written. Then
        nothing is.
    """
    if example is not None:
        example = _choose(example)
    try:
        whole = folder.resolve()
        base = next(parent for parent in (whole, *whole.parents) if parent.is_dir())
        with fresh_folder(base, ".spikeloom-init.") as work:
            names = [*_write(work, whole, example)]
            there = next((name for name in names if (folder / name).exists()), None)
            if there is not None:
                raise InputError(f"{folder / there}: must not be there yet, and is")
            for name in names:
                share(work / name)
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (work / name).rename(folder / name)
    except OSError as error:
        raise InputError(f"{folder}: must be a folder that can be written: {words(error)}") from (
            error
        )
    return tuple(folder / name for name in names)


def _choose(example: str) -> str:
    """Find an example by its name; its folder may be left out where no other has that name."""
    known = examples()
    found = [name for name in known if example in (name, name.rpartition("/")[2])]
    if len(found) != 1:
        hint = nearest(example, [*known, *(name.rpartition("/")[2] for name in known)])
        hint = f": {' or '.join(found)}" if found else hint
        raise RequestError(
            f"--example: {example!r}: must be one of those that spikeloom init --list names{hint}"
        )
    return found[0]


def _write(work: Path, folder: Path, example: str | None) -> Iterator[str]:
    """Write all files below ``work``; yield their names."""
    test = ""
    if example is None:
        name = default_name(f"{folder.name}.toml")
        file = f"{name}.toml"
        text = (_STARTER / "design.toml").read_text(encoding="utf-8")
        text = Template(text).substitute(name=name, file=file)
    else:
        path = _EXAMPLES / f"{example}.toml"
        file = path.name
        text = path.read_text(encoding="utf-8")
        said = tomllib.loads(text)
        for array in _named(said):
            shutil.copyfile(path.parent / array, work / array)
            yield array
        if recorded := _recorded(path, said.get("kind", KINDS[0])):
            shutil.copyfile(recorded, work / recorded.name)
            yield recorded.name
            test = f" --input {recorded.name}"
        text = re.sub(r"^#:schema .*", f"#:schema {_SCHEMA}", text)
        name = said.get("name") or default_name(file)
    (work / file).write_text(text, encoding="utf-8")
    yield file
    shutil.copyfile(_HERE / _SCHEMA, work / _SCHEMA)
    yield _SCHEMA
    given = {"name": name, "file": file, "input": test, "version": version("spikeloom")}
    for source, place in _PLACES.items():
        text = Template((_STARTER / source).read_text(encoding="utf-8")).substitute(given)
        (work / place).parent.mkdir(parents=True, exist_ok=True)
        (work / place).write_text(text, encoding="utf-8")
        yield place


def _named(node: Any) -> Iterator[str]:
    """Yield the files that a design names."""
    if isinstance(node, dict):
        for value in node.values():
            yield from _named(value)
    elif isinstance(node, list):
        for value in node:
            yield from _named(value)
    elif isinstance(node, str) and node.endswith(_NAMED):
        yield node


def _recorded(path: Path, kind: str) -> Path | None:
    """Find recorded inputs of an example, beside it or in the folder of such."""
    stem = "network-test" if kind == "network" else path.stem.replace("attention", "spikes-batch")
    if stem == path.stem:
        return None
    places = (path.parent, path.parent / "recorded")
    return next((file for place in places if (file := place / f"{stem}.npz").is_file()), None)
