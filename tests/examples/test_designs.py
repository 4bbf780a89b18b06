from pathlib import Path

import pytest

from spikeloom import flow
from spikeloom.boards.devices import DEVICES, DoesNotFitError
from spikeloom.design import load_design
from spikeloom.hdl.kinds import component

from ..tools import SHAPED

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PATHS = sorted(EXAMPLES.glob("**/*.toml"))
WORKLOADS = {
    *("tiny-32x64", "metr-12x256", "elec-168x256", "cifar-64x384", "imagenet-196x512"),
    *("text-1024x768", "qkformer-256x192", "drawn-32x128"),
}


class ReachedSynthesisError(Exception):
    """The design passed every check that comes before synthesis."""


def test_every_workload_is_there():
    assert {path.stem for path in PATHS} >= WORKLOADS
    for path in SHAPED:
        names = (*WORKLOADS, "drawn-32x64")
        assert path.stem.startswith(names), path.name
        assert load_design(path).name == path.stem


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_fits_or_says_what_is_missing(path, tmp_path, monkeypatch):
    def stop(*arguments, **options):
        raise ReachedSynthesisError

    monkeypatch.setattr(flow, "synthesize", stop)
    # tests/test_frozen.py makes these.
    monkeypatch.setattr(flow, "named_rtlil", lambda *what: ("", {}))
    monkeypatch.setattr(flow, "rtlil_to_verilog", lambda *what, **how: "")
    design = load_design(path)
    needed = sum(memory.ebr for memory in component(design).memories)
    available = DEVICES[design.target.device].total.ebr
    if needed <= available:
        with pytest.raises(ReachedSynthesisError):
            flow.build(design, tmp_path / "out")
    else:
        message = (
            rf"^{design.name}: target\.device: {design.target.device}: needs {needed} EBR and "
            rf"{available} are available \({needed - available} too many\)$"
        )
        with pytest.raises(DoesNotFitError, match=message):
            flow.build(design, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_what_is_known_to_fit_and_not_to_fit():
    ebr = {p.stem: sum(m.ebr for m in component(load_design(p)).memories) for p in PATHS}
    assert ebr["text-1024x768"] == 96
    for name in ("tiny-32x64", "metr-12x256", "attention"):
        assert ebr[name] <= 30
