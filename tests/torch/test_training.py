import pytest

from . import networks

torch = pytest.importorskip("torch", reason="needs the extra 'torch' (PyTorch)")

from spikeloom.torch import Network, fit  # noqa: E402
from spikeloom.torch.training import logits  # noqa: E402

X = torch.randint(-128, 128, (90, 6, 5), generator=torch.Generator().manual_seed(0)).float()
LENGTH = torch.arange(90) % 6 + 1
# Whether the first channel is positive in the first token.
LABEL = (X[:, 0, 0] > 0).long()


def trained(*, seed=0, **options):
    torch.manual_seed(seed)
    network = Network(networks.DESIGN)
    loss = torch.nn.functional.cross_entropy
    return fit(network, X, LENGTH, LABEL, loss=loss, seed=seed, batch=32, **options)


def test_learns():
    network = trained(steps=200)
    assert not network.training
    right = logits(network, X, LENGTH).argmax(dim=1) == LABEL
    assert right.float().mean() > 0.9


def test_is_the_same_on_every_run():
    first, second, other = (trained(steps=3, seed=seed) for seed in (0, 0, 1))
    for name, array in first.integers().items():
        assert (second.integers()[name] == array).all(), name
    assert (first.integers()["blocks.0.query.weight"] != other.integers()[
        "blocks.0.query.weight"]).any()  # fmt: skip


def test_statistics_are_those_of_all_samples():
    network = trained(steps=2)
    mask = torch.arange(6) < LENGTH[:, None]
    with torch.no_grad():
        integers, scale, _ = network.encoder._quantized()
        drive = X[mask] @ (integers * scale).T
    assert torch.allclose(network.encoder.norm.running_mean, drive.mean(dim=0), rtol=1e-3, atol=0.1)
    assert network.encoder.norm.momentum == 0.1


def test_augments_and_reports():
    seen, told = [], []

    def augment(x):
        seen.append(len(x))
        return x

    trained(steps=200, augment=augment, report=lambda batches, loss: told.append((batches, loss)))
    assert seen == [32] * 200 + [90]
    assert [batches for batches, _ in told] == [100, 200]
    assert told[1][1] < told[0][1]


def test_logits_in_parts_are_those_of_all():
    network = trained(steps=2)
    assert torch.equal(logits(network, X, LENGTH, batch=7), network(X, LENGTH))
