"""Families by the names of their tensors."""

from pathlib import Path

import numpy as np
import pytest

from spikeloom.design.read import DesignError
from spikeloom.importing.checkpoint import Checkpoint
from spikeloom.importing.families import FAMILIES, recognise

from .cases import CASES, FOLDER


def published():
    """Read names, shapes and types of the published classes, by the titles of their families."""
    found = {}
    for line in (Path(__file__).parent / "published-keys.txt").read_text().splitlines():
        if line.startswith("["):
            tensors = found[line.strip("[]")] = {}
        elif not line.startswith("#"):
            name, shape, kind = line.split()
            sides = [int(side) for side in shape.strip("()").split(",") if side]
            tensors[name] = np.zeros(sides, kind)
    for name, case in CASES.items():
        with np.load(FOLDER / f"{name}.npz") as file:
            tensors = {key.partition("/")[2]: file[key] for key in file if key[:7] == "tensor/"}
        found.setdefault(case.title.partition(" and ")[0].partition(",")[0], tensors)
    return found


PUBLISHED = published()


def checkpoint(tensors):
    return Checkpoint("model.pth", "", tensors, {}, {}, ())


def refusal(tensors):
    with pytest.raises(DesignError) as caught:
        recognise(checkpoint(tensors))
    return str(caught.value)


def test_every_family_has_names_here():
    assert {family.title for family in FAMILIES} == set(PUBLISHED)


@pytest.mark.parametrize("title", PUBLISHED)
def test_recognised(title):
    assert recognise(checkpoint(PUBLISHED[title])).title == title


@pytest.mark.parametrize("title", PUBLISHED)
def test_shuffled_and_prefixed(title):
    names = list(PUBLISHED[title])
    np.random.default_rng(0).shuffle(names)
    found = recognise(checkpoint({f"net.model.{name}": PUBLISHED[title][name] for name in names}))
    assert found.title == title
    assert found.names[names[0]] == f"net.model.{names[0]}"


@pytest.mark.parametrize("title", PUBLISHED)
def test_one_renamed(title):
    needed = FAMILIES[[f.title for f in FAMILIES].index(title)].names(PUBLISHED[title]).required
    for name in list(needed)[3::11]:
        renamed = name.replace(".weight", ".wieght").replace("bias", "bais")
        renamed = renamed.replace("running", "runing")
        tensors = {renamed if n == name else n: t for n, t in PUBLISHED[title].items()}
        line = refusal(tensors)
        assert f"tensor {renamed}: is no tensor of {title}: did you mean {name}?" in line


@pytest.mark.parametrize("title", PUBLISHED)
def test_one_missing(title):
    needed = FAMILIES[[f.title for f in FAMILIES].index(title)].names(PUBLISHED[title]).required
    name = list(needed)[5]
    line = refusal({n: t for n, t in PUBLISHED[title].items() if n != name})
    assert f"tensor {name}: is missing: {title} has it" in line


def test_of_no_family():
    line = refusal({"conv1.weight": np.zeros((3, 3)), "fc.bias": np.zeros(3)})
    assert line.startswith("model.pth: tensor conv1.weight: is of no known family: SeqSNN")
    assert "is of no known family" in refusal({})
