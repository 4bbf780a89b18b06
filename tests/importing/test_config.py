"""Configuration files: keys by their own names, bases first, one line where they are wrong."""

import itertools
import sys

import pytest

from spikeloom.design.read import DesignError
from spikeloom.importing.config import read_config

SEQSNN = """
_base_:
- ../model/small.yml
data: {window: 168, raw_label: False}
network:
  type: Spikformer
  depths: 2
  eps: 1e-5
  scales: [1, 2.5E+3, -.5e2]
"""
BASE = "network:\n  depths: 4\n  dim: 256\n"


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_yaml_with_bases(tmp_path):
    write(tmp_path, "model/small.yml", BASE)
    config = read_config(write(tmp_path, "exp/a.yml", SEQSNN))
    assert config.file == str(tmp_path / "exp/a.yml")
    assert config.values == {
        "network.depths": 2,
        "network.dim": 256,
        "network.type": "Spikformer",
        "network.eps": 1e-5,
        "network.scales": [1, 2500.0, -50.0],
        "data.window": 168,
        "data.raw_label": False,
    }
    assert config.get("network.steps", "network.depths") == ("network.depths", 2)
    assert config.get("steps") is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", "T = 4\n[network]\ndim = 64\n"),
        ("a.json", '{"T": 4, "network": {"dim": 64}}'),
        ("a.yaml", "T: 4\nnetwork: {dim: 64}\n"),
        ("a.YML", "T: 4\nnetwork:\n  dim: 64\n"),
    ],
)
def test_formats(tmp_path, name, text):
    assert read_config(write(tmp_path, name, text)).values == {"T": 4, "network.dim": 64}


def test_nothing():
    assert read_config(None).values == {}


def test_an_empty_file_says_nothing(tmp_path):
    assert read_config(write(tmp_path, "a.yml", "# nothing\n")).values == {}


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in itertools.pairwise("abcdefghi")
)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yml", "a: [1", "must be valid YAML"),
        ("a.yml", "a: !!python/object/apply:os.system [ls]", "must be valid YAML"),
        ("a.yml", "- 1\n- 2\n", "must be a table of keys and values, not a list"),
        ("a.yml", "a: " + "[" * 5000, "must be valid YAML"),
        ("a.yml", "a: &a [*a]\n", "must hold at most 10000 values, 16 tables deep"),
        ("a.yml", LAUGHS, "must hold at most 10000 values"),
        ("a.yml", "x: " + "y" * (300 << 10), "must be of at most 256 KiB"),
        ("a.yml", "_base_: a.yml\n", "must not lead back to a file that names it"),
        ("a.yml", "_base_: 3\n", "_base_: 3: must be names of files"),
        ("a.yml", "_base_: b.yml\n", "b.yml: must be a file that can be read (No such file"),
        ("a.toml", "a = \n", "must be valid TOML"),
        ("a.json", "{", "must be valid JSON"),
        ("a.json", "[" * 100_000, "must be valid JSON"),
        ("a.json", '{"a": ' + "9" * 5000 + "}", "must be valid JSON"),
        ("a.py", "T = 4", "must be called .yml, .yaml, .toml or .json"),
    ],
)
def test_what_is_refused(tmp_path, name, text, words):
    path = write(tmp_path, name, text)
    with pytest.raises(DesignError) as caught:
        read_config(path)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path}/")
    assert words in said
    assert "\n" not in said
    assert len(said) < 600


def test_no_text(tmp_path):
    (tmp_path / "a.yml").write_bytes(b"\xff\xfe")
    with pytest.raises(DesignError, match=r"a\.yml: byte 0: must be UTF-8 text"):
        read_config(tmp_path / "a.yml")


def test_without_pyyaml(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(DesignError, match=r"needs PyYAML: pip install spikeloom\[import\]"):
        read_config(write(tmp_path, "a.yml", "T: 4\n"))
    assert read_config(write(tmp_path, "a.json", '{"T": 4}')).values == {"T": 4}
