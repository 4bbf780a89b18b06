import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import spikeloom

MODULES = sorted(m.name for m in pkgutil.walk_packages(spikeloom.__path__, "spikeloom."))
ROOT = Path(__file__).resolve().parent.parent
PARTS = ("hdl", "golden", "sim", "boards")
FOLDERS = ("spikeloom", *PARTS)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def sources(folder):
    return sorted((ROOT / folder).glob("*.py"))


def test_mapping_is_complete():
    table = PROJECT["tool"]["setuptools"]
    found = {"spikeloom"} | {
        ".".join(("spikeloom", *init.parent.relative_to(ROOT).parts))
        for part in PARTS
        for init in (ROOT / part).rglob("__init__.py")
    }
    assert set(table["packages"]) == found
    assert table["package-dir"] == {"spikeloom": "spikeloom"} | {f"spikeloom.{p}": p for p in PARTS}


@pytest.mark.parametrize("part", PARTS)
def test_link_points_at_folder(part):
    assert (ROOT / "spikeloom" / part).resolve() == ROOT / part


@pytest.mark.parametrize("name", MODULES)
def test_imports_under_one_name(name):
    assert importlib.import_module(name).__name__ == name


@pytest.mark.parametrize("name", MODULES)
def test_module_has_docstring_first(name):
    module = importlib.import_module(name)
    assert module.__doc__, name
    for public in getattr(module, "__all__", ()):
        thing = getattr(module, public)
        if inspect.isclass(thing) or inspect.isroutine(thing):
            assert thing.__doc__, f"{name}.{public}"


def test_every_kind_of_file_is_in_the_package():
    kinds = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    for folder in FOLDERS:
        for path in (ROOT / folder).iterdir():
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                assert any(path.match(kind) for kind in kinds), path


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_bare_import_of_a_part(folder):
    bare = re.compile(rf"^\s*(import|from) ({'|'.join(PARTS)})\b", re.MULTILINE)
    for path in sources(folder):
        assert not bare.search(path.read_text()), path


@pytest.mark.parametrize(
    ("folder", "banned"),
    [
        ("golden", ("hdl", "sim", "boards")),
        ("hdl", ("sim", "boards")),
        ("boards", ("sim",)),
    ],
)
def test_dependencies_point_one_way(folder, banned):
    wrong = re.compile(rf"^\s*(import|from) (spikeloom\.|\.\.)({'|'.join(banned)})\b", re.MULTILINE)
    for path in sources(folder):
        assert not wrong.search(path.read_text()), path


def test_golden_needs_no_amaranth():
    code = (
        "import sys, importlib, pkgutil, spikeloom.golden as g\n"
        "for m in pkgutil.iter_modules(g.__path__):\n"
        "    importlib.import_module(f'{g.__name__}.{m.name}')\n"
        "sys.exit('amaranth' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_constraints_name_what_is_asked_for():
    pinned = set()
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, version = line.split("==")
            assert version
            pinned.add(re.sub(r"[-_.]+", "-", name).lower())
    project = PROJECT["project"]
    wanted = [*project["dependencies"]]
    for extra in ("toolchain", "cosim", "verilator", "test", "lint"):
        wanted += project["optional-dependencies"][extra]
    for requirement in wanted:
        name = re.split(r"[<>=~\[ ]", requirement)[0]
        assert re.sub(r"[-_.]+", "-", name).lower() in pinned, requirement
