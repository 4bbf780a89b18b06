"""The documentation: it builds, its examples run, and what it names is there."""

import doctest
import importlib
import importlib.util
import inspect
import itertools
import os
import pkgutil
import re
import runpy
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from amaranth.lib import wiring

import spikeloom.golden.position
import spikeloom.hdl
from spikeloom.cli import main_parser
from spikeloom.design import Design, schema
from spikeloom.design.similarity import SIMILARITIES
from spikeloom.golden.attention.formula import drive
from spikeloom.kinds import KINDS
from spikeloom.kinds import part as part_of
from spikeloom.sim.spikes import draw_spikes

SVG = "http://www.w3.org/2000/svg"
ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.rst"))


def read(page):
    return (DOCS / page).read_text(encoding="utf-8")


def load(path):
    """Import a file of the documentation, which is no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def directives(text, name):
    """Give argument, options and content of each directive of a kind."""
    found = re.finditer(
        rf"^\.\. {name}::(.*)\n((?:   :.*\n)*)\n((?:(?:   .*)?\n)+)", text + "\n", re.MULTILINE
    )
    for match in found:
        options = dict(re.findall(r"^   :(\S+): (.*)$", match[2], re.MULTILINE))
        yield match[1].strip(), options, textwrap.dedent(match[3]).strip() + "\n"


# Examples in Python


@pytest.mark.parametrize("page", [page for page in PAGES if ">>> " in read(page)])
def test_examples(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    names = {}
    for _, _, setup in directives(read(page), "testsetup"):
        exec(setup, names)
    test = doctest.DocTestParser().get_doctest(read(page), names, page, page, 0)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_are_python(page):
    for language, options, code in directives(read(page), "code-block"):
        if language == "python":
            compile(code, f"{page}: {options.get('caption', '')}", "exec")


ENCODINGS = ([], ["gray"], ["log"], ["shift"], ["gray", "log", "shift"])


@pytest.mark.parametrize("tokens", [1, 2, 3, 12, 17])
@pytest.mark.parametrize(("kind", "encodings"), [*itertools.product(SIMILARITIES, ENCODINGS)])
def test_state_order_is_what_the_page_proves(kind, encodings, tokens):
    state_order = load(DOCS / "cores" / "attention" / "state_order.py")
    keys = {"tokens": tokens, "dim": 16, "heads": 2, "steps": 2}
    if SIMILARITIES[kind].alpha:
        keys["alpha"] = "3/8"
    if "gray" in encodings:
        keys["gray"] = {"index": "t*L+l"}
    design = Design.from_dict(keys | {"similarity": kind, "position": encodings})
    spikes = draw_spikes(design, rate=0.4, seed=tokens)
    wanted = drive(design, **spikes)
    for t, head in itertools.product(range(2), range(2)):
        part = slice(8 * head, 8 * head + 8)
        q, k, v = (spikes[name][t, :, part].astype(np.int64) for name in "qkv")
        assert (state_order.drive(design, q, k, v, t) == wanted[t, :, part]).all()


def test_amaranth_design_runs(capsys):
    runpy.run_path(str(DOCS / "projects" / "amaranth_design.py"), run_name="__main__")
    assert capsys.readouterr().out == "160 spikes, equal to the golden model\n"


# Examples in a shell


def tutorial(folder, page="tutorial.rst"):
    """Write the files of a tutorial, and give its commands with their exit codes."""
    commands = []
    for language, options, text in directives(read(page), "code-block"):
        if options.get("class") == "by-hand":
            continue
        if "caption" in options:
            (folder / options["caption"]).write_text(text, encoding="utf-8")
        if language == "console":
            code = int(options.get("class", "exit-0").removeprefix("exit-"))
            lines = text.splitlines()
            assert all(line.startswith("$ ") for line in lines)
            commands += [(line.removeprefix("$ "), code) for line in lines]
    return commands


def shell(folder, commands):
    """Run commands where a reader would, with a ``spikeloom`` of the Python that tests."""
    (folder / "examples").symlink_to(ROOT / "examples")
    tools = folder / ".venv" / "bin"
    tools.mkdir(parents=True)
    for name, arguments in (("spikeloom", " -m spikeloom"), ("python", "")):
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
        (tools / name).chmod(0o755)
    said = ""
    path = dict(os.environ, PATH=f"{tools}{os.pathsep}{os.environ['PATH']}")
    for command, code in commands:
        done = subprocess.run(
            ["sh", "-c", command], cwd=folder, env=path, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
        said += done.stdout + done.stderr
    return said


def is_quick(command):
    build = command.startswith(("spikeloom build", "spikeloom report"))
    return not build and "netlist" not in command


@pytest.mark.synth
def test_tutorial(tmp_path):
    commands = [c for c in tutorial(tmp_path) if not c[0].startswith("make") and is_quick(c[0])]
    assert len(commands) > 8
    said = shell(tmp_path, commands)
    promised = [text for language, _, text in directives(read("tutorial.rst"), "code-block")
                if language == "text" and text.startswith("spikeloom: ")]  # fmt: skip
    assert promised
    assert all(text in said for text in promised)
    assert said.count("equal to recorded") == 2
    assert not (tmp_path / "out" / "wrong").exists()


@pytest.mark.synth
@pytest.mark.slow
def test_tutorial_with_builds(tmp_path):
    commands = [command for command in tutorial(tmp_path) if not command[0].startswith("make")]
    # What the test above runs is left out, but for the folder into which a build then goes.
    kept = [c for c in commands if not is_quick(c[0]) or c[0].startswith("spikeloom generate my-")]
    said = shell(tmp_path, kept)
    assert "equal to golden" in said
    for name in ("my-layer", "my-layer-4"):
        assert (tmp_path / "out" / name / "report.html").is_file()


@pytest.mark.synth
def test_network_tutorial(tmp_path):
    said = shell(tmp_path, tutorial(tmp_path, "network-tutorial.rst"))
    assert "vowels-chip.load" in said
    assert "29 of 30" in said
    assert "equal to golden" in said
    assert "equal to recorded" in said
    with np.load(tmp_path / "out" / "few-answer.npz") as file:
        assert (
            file["logits"].argmax(axis=1) == np.load(tmp_path / "out" / "few.npz")["label"]
        ).all()


def test_targets_of_make_exist():
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        for target in re.findall(r"^ *(?:   )?\$ make (\w+)|``make (\w+)``", read(page), re.M):
            name = target[0] or target[1]
            assert re.search(rf"^{name}:", makefile, re.MULTILINE), f"{page}: make {name}"


def command_line():
    """Every command, and every option of any of them."""
    actions = main_parser()._actions
    commands = next(action.choices for action in actions if isinstance(action.choices, dict))
    options = [o for made in commands.values() for a in made._actions for o in a.option_strings]
    return set(commands), {*options, *(o for action in actions for o in action.option_strings)}


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_options_exist(page):
    commands, options = command_line()
    said = r"spikeloom ([a-z]+) +(?:[A-Z#]|-|examples/|[\w-]+\.toml)|``spikeloom ([a-z]+)[` ]"
    for named in re.findall(said, read(page)):
        assert (named[0] or named[1]) in commands, page
    for option in re.findall(r"``(--[a-z-]+)[ `]", read(page)):
        assert option in options, page


# What is named is there


def components():
    """Every hardware component that is public."""
    for info in pkgutil.walk_packages(spikeloom.hdl.__path__, "spikeloom.hdl."):
        if info.ispkg:
            continue
        module = importlib.import_module(info.name)
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if inspect.isclass(thing) and issubclass(thing, wiring.Component):
                yield f"{info.name}.{name}"


def is_on_a_page(name):
    module, _, short = name.rpartition(".")
    pages = [read(page) for page in PAGES if page.startswith("cores/")]
    return any(name in text or (module in text and f".{short}`" in text) for text in pages)


@pytest.mark.parametrize("name", [*components()])
def test_component_is_on_a_page(name):
    assert is_on_a_page(name)


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_exist(page):
    folders = "boards|docs|examples|golden|hdl|sim|spikeloom|tests|\\.github"
    for name in re.findall(rf"(?<![\w/.])((?:{folders})/[\w./*-]+\.\w+)", read(page)):
        if not re.search(r"mine|NAME", name):
            assert list(ROOT.glob(name)), f"{page}: {name}"
    for name in re.findall(r"``(test_[\w*]+\.py)``", read(page)):
        assert list((ROOT / "tests").rglob(name)), f"{page}: {name}"


@pytest.mark.parametrize("page", PAGES)
def test_modules_and_names_exist(page):
    roles = re.findall(
        r":(mod|class|func|meth|attr|exc):`(?:[^`<]*<)?~?(spikeloom[\w.]*)>?`", read(page)
    )
    for _, name in roles:
        assert exists(name), f"{page}: {name}"


def exists(name):
    module, rest = name, []
    while importlib.util.find_spec(module) is None if "." not in module else not found(module):
        module, _, last = module.rpartition(".")
        rest.insert(0, last)
    thing = importlib.import_module(module)
    for part in rest:
        if not hasattr(thing, part):
            return part in getattr(thing, "__dataclass_fields__", {})
        thing = getattr(thing, part)
    return True


def found(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("page", PAGES)
def test_first_cell_of_a_row_is_one_line(page):
    # In a simple table a second line with text in the first column is a row of its own.
    assert not re.findall(r"^``[^`\n]*``(?:, ``[^`\n]*``)*,  +\S.*", read(page), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_page_links_to_pages_that_exist(page):
    for target in re.findall(r":doc:`(?:[^`<]*<)?([\w./-]+)>?`", read(page)):
        # An absolute one begins at docs/, as in Sphinx.
        base = DOCS if target.startswith("/") else (DOCS / page).parent
        assert (base / f"{target.lstrip('/')}.rst").is_file(), f"{page}: {target}"


def test_mechanism_has_its_pages():
    shared = ("arrays", "kinds", "layout", "model", "packing", "ranges")
    parts = [*spikeloom.golden.__path__, *spikeloom.golden.position.__path__]
    for info in pkgutil.iter_modules(parts):
        if info.name not in (*shared, "part", "position"):
            assert list((DOCS / "cores").rglob(f"{info.name}.rst")), info.name


# Drawings


DRAWINGS = [
    (page, *argument.split())
    for page in PAGES
    for argument, _, _ in directives(read(page), "drawing")
]


@pytest.mark.parametrize(("page", "module", "function"), DRAWINGS)
def test_drawing_stays_in_its_frame(page, module, function, monkeypatch):
    pytest.importorskip("matplotlib", reason="needs the extra 'docs' (Matplotlib)")
    monkeypatch.syspath_prepend(DOCS / "figures")
    svg = getattr(importlib.import_module(module), function)()
    width, height = map(float, svg.get("viewBox").split()[2:])
    boxes = list(svg.iter(f"{{{SVG}}}rect"))
    assert all(float(b.get("x")) + float(b.get("width")) <= width for b in boxes)
    assert all(float(b.get("y")) + float(b.get("height")) <= height for b in boxes)
    text = ElementTree.tostring(svg, encoding="unicode")
    assert "<text" in text
    assert "#0" not in text, "a colour must be one of the page"


def test_every_drawing_is_on_a_page():
    shown = {tuple(drawing[1:]) for drawing in DRAWINGS}
    for path in sorted((DOCS / "figures").glob("*.py")):
        if path.stem in ("blocks", "plots"):
            continue
        public = re.findall(r"^def ([a-z]\w*)\(\) -> Element", path.read_text(), re.MULTILINE)
        assert public
        assert all((path.stem, name) in shown for name in public), path.name


# The site


def numbers(text):
    """Read every number in a table, with those that are powers."""
    plain = re.findall(r"-?\d[\d,]*(?:\.\d+)?(?!\\)", text)
    powers = re.findall(r"(-?)(\d+)\\ :sup:`(-?\d+)`", text)
    return {Fraction(number.replace(",", "")) for number in plain} | {
        Fraction(f"{sign}1") * Fraction(base) ** int(power) for sign, base, power in powers
    }


def test_every_key_is_in_a_table():
    pytest.importorskip("sphinx", reason="needs the extra 'docs' (Sphinx)")
    keys = load(DOCS / "_ext" / "design_keys.py")
    text = read("design-files.rst")
    assert ".. design-keys::\n" in text
    assert ".. design-keys:: others\n" in text
    kinds = {part_of(kind, "design").__name__ for kind in KINDS}
    sections = [name.lower() for name in schema()["$defs"] if name not in kinds]
    assert sorted(sections) == sorted(keys.SECTIONS)
    for section in ("", *sections, *KINDS[1:]):
        if section not in keys.others(text):
            assert f".. design-keys:: {section}".strip() in text
        table = "\n".join(keys.table(section))
        for name, rule in keys.keys(section).items():
            assert f"* - ``{name}``" in table
            for bound in (rule.get("minimum"), rule.get("maximum")):
                assert bound is None or Fraction(str(bound)) in numbers(table), name
