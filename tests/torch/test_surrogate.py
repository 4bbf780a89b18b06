import math

import numpy as np
import pytest

from spikeloom.golden.neuron import NeuronSpec

torch = pytest.importorskip("torch", reason="needs the extra 'torch' (PyTorch)")

from spikeloom.torch.surrogate import integer_lif, lif  # noqa: E402


class Step(torch.autograd.Function):
    """One step function, of which autograd makes a neuron over time."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad / (1 + (math.pi * x) ** 2)


def restated(drive, threshold):
    membrane, spikes = torch.zeros_like(drive[0]), []
    for current in drive:
        membrane = membrane + (current - membrane) / 2
        fired = Step.apply(membrane - threshold)
        membrane = membrane * (1 - fired.detach())
        spikes.append(fired)
    return torch.stack(spikes)


@pytest.mark.parametrize("threshold", [0.5, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_gradient_is_that_of_autograd(steps, threshold):
    generator = torch.Generator().manual_seed(steps)
    drive, weight = (torch.randn(steps, 7, 3, generator=generator).double() for _ in range(2))
    found = []
    for function in (lif, restated):
        x = (2 * drive).requires_grad_()
        spikes = function(x, threshold)
        (spikes * weight).sum().backward()
        found.append((spikes.detach(), x.grad))
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][0].any()
    assert torch.allclose(found[0][1], found[1][1], rtol=1e-12, atol=0)


def test_gradient_of_a_drive_that_is_the_same_in_every_step():
    found = []
    for function in (lif, restated):
        x = torch.linspace(-2, 3, 11, dtype=torch.float64).requires_grad_()
        function(x.expand(3, -1), 1.0).sum().backward()
        found.append(x.grad)
    assert torch.allclose(found[0], found[1], rtol=1e-12, atol=0)


def test_spikes_of_the_floating_form_are_those_of_golden():
    drive = np.random.default_rng(0).integers(-30, 60, (6, 500))
    wanted = NeuronSpec("lif", 1, 0, 32, "hard").run(drive)
    assert (lif(torch.from_numpy(drive / 16.0), 1.0).numpy() == wanted).all()
    assert (integer_lif(torch.from_numpy(drive.astype(float)), 32).numpy() == wanted).all()
    assert 0.1 < wanted.mean() < 0.9
