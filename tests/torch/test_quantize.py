import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'torch' (PyTorch)")

from spikeloom.torch.quantize import WIDTHS, quantize, round_through, straight_through  # noqa: E402

LEVELS = {1: {-1, 1}, 2: {-1, 0, 1}, 3: {*range(-3, 4)}, 4: {*range(-7, 8)}, 8: {*range(-127, 128)}}


@pytest.fixture
def weight():
    return torch.randn(16, 4000, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("rows", [True, False])
@pytest.mark.parametrize("bits", WIDTHS)
def test_integers_are_all_levels_of_their_width(weight, bits, rows):
    weight = weight.clamp(-2, 2)
    integers, scale = quantize(weight, bits, rows=rows)
    assert set(integers.unique().tolist()) == LEVELS[bits]
    assert scale.shape == ((16, 1) if rows else ())
    if bits > 2:
        assert ((integers * scale - weight).abs() <= scale * 0.5001).all()


def test_ternary_weights_are_those_of_the_paper(weight):
    """The scale is the mean of what is kept: for normal weights about 1.22, and 0.56 are kept."""
    integers, scale = quantize(weight, 2)
    kept = integers != 0
    assert kept.float().mean().item() == pytest.approx(0.576, abs=0.01)
    for row in range(3):
        mean = weight[row].abs()[kept[row]].mean()
        assert scale[row].item() == pytest.approx(mean.item(), rel=1e-5)
        assert weight[row].abs()[kept[row]].min() > 0.7 * weight[row].abs().mean()


def test_zeros_have_a_scale():
    for bits in WIDTHS:
        integers, scale = quantize(torch.zeros(2, 3), bits)
        assert (scale > 0).all()
        assert integers.isfinite().all()


def test_gradient_goes_straight_through(weight):
    x = weight.clone().requires_grad_()
    out = straight_through(x, 2)
    integers, scale = quantize(weight, 2)
    assert torch.allclose(out, integers * scale, atol=1e-6)
    (out * weight).sum().backward()
    assert torch.equal(x.grad, weight)


def test_rounding_clips_its_gradient():
    x = torch.tensor([-9.0, -1.4, 0.6, 9.0]).requires_grad_()
    out = round_through(x, -2, 2)
    assert out.tolist() == [-2, -1, 1, 2]
    out.sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 0]


def test_refuses_other_widths(weight):
    with pytest.raises(ValueError, match=r"^Weight bits must be one of 1, 2, 3, 4, 8, not 5$"):
        quantize(weight, 5)
