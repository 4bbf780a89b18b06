"""Published structures as they run in PyTorch: a test where PyTorch is."""

import pytest

torch = pytest.importorskip("torch")

from spikeloom.importing.checkpoint import Checkpoint  # noqa: E402
from spikeloom.importing.families import recognise  # noqa: E402
from spikeloom.importing.imported import Options  # noqa: E402
from spikeloom.importing.rows import WIDTHS  # noqa: E402

from .cases import CASES, differing, draw, layers_of  # noqa: E402
from .structures.build import build, look  # noqa: E402
from .structures.parts import quantize  # noqa: E402


@pytest.mark.parametrize("name", CASES)
def test_golden_is_the_published_structure(name):
    case, bits = CASES[name], WIDTHS[list(CASES).index(name) % len(WIDTHS)]
    sample, model = draw(case, bits), build(case, 20 + bits, grid=False)
    tensors = {key: tensor.numpy().copy() for key, tensor in model.state_dict().items()}
    checkpoint = Checkpoint("live.pth", "", tensors, {}, {}, ())
    imported = recognise(checkpoint).convert(checkpoint, case.settings, Options(bits=bits))
    quantize(model, imported.parts, sample)
    layers = look("live", model, sample, torch.float64)
    found = {f"live/{key}": array for key, array in layers_of(imported, sample).items()}
    assert differing(found, layers) == []
