import copy

import numpy as np
import pytest

from . import networks

torch = pytest.importorskip("torch", reason="needs the extra 'torch' (PyTorch)")

from spikeloom.design import DesignError, load_design  # noqa: E402
from spikeloom.design.network.weights import digest  # noqa: E402
from spikeloom.golden.network.formula import network as golden  # noqa: E402
from spikeloom.torch import Network  # noqa: E402
from spikeloom.torch.export import toml, write  # noqa: E402


@pytest.fixture
def trained():
    torch.manual_seed(0)
    design = copy.deepcopy(networks.DESIGN)
    design["blocks"][0]["attention"]["scale"] = "1/3"
    design["name"] = "tiny"
    network = Network(design)
    network(torch.randint(-128, 128, (20, 6, 5)))
    return network.eval()


def test_files_are_a_network(trained, tmp_path):
    path = trained.export(tmp_path / "new" / "folder")
    assert sorted(p.name for p in path.parent.iterdir()) == ["network.toml", "weights.npz"]
    design = load_design(path)
    assert (design.kind, design.name) == ("network", "tiny")
    assert design.digest == digest(trained.integers()) == design.weights.digest
    x = torch.randint(-128, 128, (3, 6, 5))
    wanted = [golden(design, one.numpy()).tolist() for one in x]
    assert trained(x).tolist() == wanted


def test_weights_have_another_name(trained, tmp_path):
    path = trained.export(tmp_path, weights="other.npz")
    assert load_design(path).weights.file == "other.npz"
    with np.load(tmp_path / "other.npz") as file:
        assert file["blocks.0.query.weight"].dtype == np.int8


def test_weights_of_another_network_are_refused(trained, tmp_path):
    path = trained.export(tmp_path)
    arrays = trained.integers()
    arrays["readout.bias"] = arrays["readout.bias"] + 1
    np.savez(tmp_path / "weights.npz", **arrays)
    with pytest.raises(DesignError, match="digest"):
        load_design(path)


def test_a_design_that_was_read_can_be_trained_again(trained, tmp_path):
    design = load_design(trained.export(tmp_path / "first"))
    again = Network(design)
    again.load_state_dict(trained.state_dict())
    path = again.eval().export(tmp_path / "second")
    assert load_design(path).digest == design.digest
    assert load_design(path) == design


def test_an_interrupted_export_leaves_what_was_there(trained, tmp_path, monkeypatch):
    path = trained.export(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def stop(*arguments, **arrays):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", stop)
    with pytest.raises(KeyboardInterrupt):
        trained.export(path.parent)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_files_can_be_read_by_all(tmp_path):
    write(tmp_path / "file", lambda file: file.write(b"x"))
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_strings_are_escaped():
    assert toml({"a": 'say "x"\\', "b": [1, [2.5, "c"]]}) == (
        'a = "say \\"x\\"\\\\"\nb = [1, [2.5, "c"]]\n'
    )
