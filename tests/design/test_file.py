"""Design files as files: where they lie, what is wrong with them, examples and the schema."""

import json
from pathlib import Path

import numpy as np
import pytest

from spikeloom.design import Design, DesignError, load_design, schema
from spikeloom.design.attention import AttentionDesign
from spikeloom.kinds import KINDS, part

from ..tools import SHAPED

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", ["none", "", 3, None, ["attention"]])
def test_kinds_that_there_are_not(kind):
    with pytest.raises(DesignError) as caught:
        Design.from_dict({"kind": kind}, file="d.toml")
    text = str(caught.value)
    assert text.startswith("d.toml: kind: ")
    assert text.endswith(f"must be one of {', '.join(KINDS)}")


@pytest.mark.parametrize("data", [None, 3, [], "tokens"])
def test_not_a_dictionary(data):
    with pytest.raises(DesignError, match="must be a dictionary of keys and values"):
        Design.from_dict(data)


def test_every_kind_has_an_example():
    assert {load_design(path).kind for path in SHAPED} == set(KINDS)


def test_files_are_read_beside_the_design(tmp_path):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "a.toml"
    np.save(tmp_path / "in" / "t.npy", np.arange(-7, 8).reshape(1, 15))
    np.save(tmp_path / "s.npy", np.arange(16, dtype=np.uint8).reshape(2, 8))
    path.write_text(
        'tokens = 8\ndim = 8\nheads = 2\nsteps = 1\nposition = ["table", "shift"]\n'
        '[table]\nfile = "t.npy"\n[shift]\nfile = "../s.npy"\ngroups = 2\n'
    )
    design = load_design(path)
    assert design.table.values == (tuple(range(-7, 8)),)
    assert design.shift.values == (tuple(range(8)), tuple(range(8, 16)))
    assert load_design(str(path)) == design


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "must be a NumPy .npy file without pickles"),
        (b"\x93NUMPY\x01\x00v\x00{'descr': (((", "must be a NumPy .npy file without pickles"),
        (np.zeros((2, 3)), "must hold an array of integers"),
        (np.array(3), "must hold one or two dimensions of at least one integer, not shape ()"),
        (np.zeros((2, 2, 2), int), "must hold one or two dimensions"),
        (np.full(15, 1 << 40), "must hold 32-bit integers, not 1099511627776 at (0, 0)"),
        (np.zeros((0, 10), int), "of at least one integer, not shape (0, 10)"),
        (np.zeros(14, int), "must hold 15 entries"),
        (np.full(15, 200), "must be an integer from -128 to 127"),
        (np.array([object()]), "must be a NumPy .npy file without pickles"),
    ],
)
def test_bad_table_files(tmp_path, content, reason):
    path = tmp_path / "t.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    data = {"tokens": 8, "dim": 8, "heads": 2, "steps": 1, "position": "table"}
    with pytest.raises(DesignError) as caught:
        Design.from_dict(data | {"table": {"file": "t.npy"}}, folder=tmp_path, file="d.toml")
    assert reason in str(caught.value)
    assert str(caught.value).startswith("d.toml: table.")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"tokens = 8\ndim = \n", "at line 2, column 7: must be valid TOML (Invalid value)"),
        (b"\xff\xfe", "byte 0: must be UTF-8 text"),
        (b"tokens = 8\ntokens = 9\n", "must be valid TOML (Cannot overwrite a value)"),
        (b"tokens = " + b"9" * 5000, "must be TOML with smaller numbers, less nested"),
        (b"a = " + b"[" * 5000, "must be TOML with smaller numbers, less nested"),
        (b"tokens = 1979-05-27\n", "tokens: datetime.date(1979, 5, 27): must be an integer from"),
        (b"", "tokens: missing: an integer from 1 to 4096"),
    ],
)
def test_bad_files(tmp_path, content, line):
    path = tmp_path / "d.toml"
    path.write_bytes(content)
    with pytest.raises(DesignError) as caught:
        load_design(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    assert line.removeprefix("at ") in text
    assert caught.value.file == str(path)


@pytest.mark.parametrize("name", ["none.toml", ".", "a\0b", "x" * 5000])
def test_files_that_cannot_be_read(tmp_path, name):
    with pytest.raises(DesignError, match=r"must be a file that can be read \(.+\)$"):
        load_design(f"{tmp_path}/{name}")


@pytest.mark.parametrize("path", SHAPED, ids=lambda path: path.stem)
def test_examples(path):
    design = load_design(path)
    assert design.name == path.stem
    # The one thing that an example may warn of, where its file says why.
    tie = 'scale = "1/56"' in path.read_text()
    rounded = ["norm: offset -0"] * (design.name == "tiny-32x64-norm")
    assert [warning[:15] for warning in design.warnings] == ["scale: 1/56 is "] * tie + rounded
    assert not tie or "no float32 number, on purpose" in path.read_text()


def test_examples_cover_the_workloads():
    designs = [load_design(path) for path in SHAPED]
    shapes = {design.name: design for design in designs if isinstance(design, AttentionDesign)}
    for name, shape in {
        "tiny-32x64": (32, 64, 4, 4), "metr-12x256": (12, 256, 8, 4),
        "elec-168x256": (168, 256, 8, 4), "cifar-64x384": (64, 384, 12, 4),
        "imagenet-196x512": (196, 512, 8, 4), "text-1024x768": (1024, 768, 12, 4),
    }.items():  # fmt: skip
        found = [d for key, d in shapes.items() if key == name or key.startswith(f"{name}-")]
        assert {(d.tokens, d.dim, d.heads, d.steps) for d in found} == {shape}
        assert {"and", "xnor"} <= {d.similarity for d in found if isinstance(d, AttentionDesign)}
        assert shapes[name].position == ()


def test_schema_is_published():
    published = json.loads((ROOT / "spikeloom" / "design.schema.json").read_text())
    assert published == schema()
    for kind in published["$defs"].values():
        assert kind["additionalProperties"] is False
        assert kind["description"]
        for key in kind["properties"].values():
            assert key["description"]


def test_sections_of_different_kinds_have_different_names():
    """One name in the schema is one section: a later kind must not take that of another."""
    found = {}
    for kind in KINDS:
        made = part(kind, "design").model_json_schema(mode="validation")
        for name, section in made.get("$defs", {}).items():
            assert found.setdefault(name, section) == section, (kind, name)
