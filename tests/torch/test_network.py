import copy

import numpy as np
import pytest

from . import networks

torch = pytest.importorskip("torch", reason="needs the extra 'torch' (PyTorch)")

from spikeloom.design import DesignError  # noqa: E402
from spikeloom.design.network import NetworkDesign  # noqa: E402
from spikeloom.golden.network import formula as golden  # noqa: E402
from spikeloom.torch import Network  # noqa: E402


def changed(**keys):
    """Return the small design with other keys, ``section__key`` for those of a section."""
    design = copy.deepcopy(networks.DESIGN)
    for name, value in keys.items():
        section, _, key = name.rpartition("__")
        block = design["blocks"][0]
        place = {"": design, "block": block, "attention": block["attention"]}
        place.get(section, design.get(section))[key] = value
    return design


def trained(design, *, seed=0):
    """Return a network as training leaves one: gains of both signs, statistics of real inputs."""
    torch.manual_seed(seed)
    network = Network(design)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.normal_(module.weight, 0.0, 1.0)
            torch.nn.init.normal_(module.bias, 0.5, 0.5)
    torch.nn.init.normal_(network.readout.bias, 0.0, 0.3)
    x, length = inputs(design, 32, seed=seed)
    for _ in range(8):
        network(x, length)
    return network.eval()


def inputs(design, samples, *, seed):
    generator = torch.Generator().manual_seed(seed + 1000)
    shape = (samples, design["tokens"], design["encoder"]["inputs"])
    bits, signed = (design["encoder"][key] for key in ("bits", "signed"))
    low = -(1 << bits - 1) if signed else 0
    x = torch.randint(low, low + (1 << bits), shape, generator=generator)
    length = torch.randint(1, design["tokens"] + 1, (samples,), generator=generator)
    length[:2] = torch.tensor([1, design["tokens"]])
    return x, length


ATTENTIONS = [
    {"similarity": "and"},
    {"similarity": "xnor", "scale": 1 / 32},
    {"similarity": "alpha-xnor", "alpha": "3/8", "scale": 1 / 16},
    {"similarity": "hamming"},
    {"similarity": "and", "scale": [0.125, 0.0625]},
    {"similarity": "xnor", "scale": "1/41"},
    {"similarity": "and", "causal": True, "window": 3},
    {"similarity": "and", "position": "shift", "shift": {"groups": 2}},
    {"similarity": "xnor", "position": "shift", "scale": 1 / 32, "shift": {"groups": 4}},
    {"similarity": "xnor", "position": "gray", "scale": 1 / 32},
    {"similarity": "xnor", "position": "gray", "scale": 1 / 32, "gray": {"index": "t*L+l"}},
    {"similarity": "xnor", "position": "log", "scale": 1 / 32},
    {"similarity": "and", "position": "log"},
    {"similarity": "and", "position": "table", "table": {"values": [[*range(-5, 6)]] * 2}},
    {"similarity": "xnor", "position": ["gray", "log", "shift"], "scale": 1 / 64},
]

DESIGNS = [
    *(changed(attention__heads=2, **{f"attention__{k}": v for k, v in keys.items()})
      for keys in ATTENTIONS),
    *(changed(block__weight_bits=bits, readout__weight_bits=bits) for bits in (1, 2, 3, 4, 8)),
    *(changed(encoder__weight_bits=bits) for bits in (1, 2, 3, 4)),
    *(changed(steps=steps) for steps in (1, 4)),
    *(changed(fraction=fraction) for fraction in (0, 2, 8)),
    *(changed(block__residual=residual) for residual in ("iand", "xor", "add")),
    *(changed(block__residual="membrane", fraction=fraction, block__weight_bits=bits, **keys)
      for fraction, bits, keys in (
          (8, 2, {}), (8, 8, {"encoder__bits": 4}), (4, 1, {"encoder__weight_bits": 1}),
          (6, 3, {"encoder__position": "none", "readout__groups": 2}),
      )),
    changed(fraction=8, blocks=[
        {**one, "residual": "membrane", "attention": attention}
        for one in networks.DESIGN["blocks"]
        for attention in (one["attention"], {"kind": "mask", "attention": "sdsa", "heads": 4})
    ]),
    *(changed(block__attention={"kind": "mask", "attention": kind, "heads": 2, **keys})
      for kind in ("qk-token", "qk-channel", "sdsa") for keys in ({}, {"threshold": "3/2"})),
    changed(blocks=[{**one, "residual": "add"} for one in networks.DESIGN["blocks"] * 2]),
    changed(encoder__position="none"),
    changed(encoder__bits=5, encoder__signed=False),
    changed(encoder__bits=1, encoder__signed=False),
    changed(readout__groups=2),
    changed(readout__groups=3),
    changed(blocks=[*networks.DESIGN["blocks"], *networks.DESIGN["blocks"]]),
]  # fmt: skip


@pytest.mark.parametrize("design", DESIGNS, ids=range(len(DESIGNS)))
def test_computes_the_contract(design):
    network = trained(design)
    x, length = inputs(design, 6, seed=7)
    found = network(x, length)
    assert found.dtype == torch.float64
    arrays, whole = network.integers(), network.design()
    for sample, tokens in enumerate(length.tolist()):
        wanted = networks.logits(whole, arrays, x[sample].numpy(), tokens)
        assert found[sample].tolist() == wanted.tolist()
    assert len({tuple(row) for row in found.tolist()}) > 3


@pytest.mark.parametrize("design", DESIGNS, ids=range(len(DESIGNS)))
def test_equals_golden(design):
    network = trained(design, seed=2)
    x, length = inputs(design, 4, seed=8)
    made = NetworkDesign.from_dict({**network.design(), "weights": network.integers()})
    found = network(x, length).tolist()
    for sample, tokens in enumerate(length.tolist()):
        wanted = golden.network(made, x[sample, :tokens].numpy())
        assert found[sample] == wanted.tolist()


def test_padding_is_no_input():
    network = trained(networks.DESIGN)
    x, length = inputs(networks.DESIGN, 8, seed=3)
    other = x.clone()
    for sample, tokens in enumerate(length.tolist()):
        other[sample, tokens:] = 99
    assert not torch.equal(x, other)
    assert torch.equal(network(x, length), network(other, length))
    for sample, tokens in enumerate(length.tolist()):
        short = network(x[sample : sample + 1, :tokens])
        assert torch.equal(short, network(x, length)[sample : sample + 1])


def test_padding_is_in_no_statistics():
    x, length = inputs(networks.DESIGN, 8, seed=3)
    other = x.clone()
    for sample, tokens in enumerate(length.tolist()):
        other[sample, tokens:] = 99
    states = []
    for given in (x, other):
        torch.manual_seed(1)
        network = Network(networks.DESIGN)
        network(given, length)
        states.append(network.state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_mask_says_what_a_length_says():
    network = trained(networks.DESIGN)
    x, length = inputs(networks.DESIGN, 8, seed=3)
    mask = torch.arange(networks.DESIGN["tokens"]) < length[:, None]
    assert torch.equal(network(x, mask), network(x, length))


@pytest.mark.parametrize(
    ("x", "length", "message"),
    [
        ((2, 7, 5), None, r"x must be of shape \(batch, 1 to 6, 5\), not \(2, 7, 5\)"),
        ((2, 6, 4), None, r"x must be of shape \(batch, 1 to 6, 5\), not \(2, 6, 4\)"),
        ((2, 6, 5), torch.tensor([0, 6]), "length must be 2 numbers from 1 to 6"),
        ((2, 4, 5), torch.tensor([1, 5]), "length must be 2 numbers from 1 to 4"),
        ((2, 2, 5), torch.tensor([[True, True], [False, True]]), "mask must have the real tokens"),
    ],
)
def test_refuses_shapes(x, length, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        Network(networks.DESIGN)(torch.zeros(x), length)


@pytest.mark.parametrize("value", [128, -129, 0.5])
def test_refuses_what_the_chip_cannot_be_given(value):
    network = Network(networks.DESIGN)
    x = torch.zeros(1, 2, 5)
    network(x)
    network.eval()
    network(x)
    x[0, 1, 3] = value
    with pytest.raises(ValueError, match=r"^x must hold integers from -128 to 127$"):
        network(x)
    network(x, torch.tensor([1]))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"blocks": []}, "blocks must be one or more"),
        ({"block__residual": "sum"}, "blocks.residual must be one of or, iand, xor, add, membrane"),
        (
            {"block__residual": "membrane", "readout__neurons": "sum"},
            "readout.neurons must be 'tokens' to be trained here, not 'sum'",
        ),
        ({"tau": 3}, "tau must be 2 to be trained here, not 3"),
        ({"block__grid": 2}, "blocks.0.grid must be None to be trained here, not 2"),
        (
            {"block__mlp_position": "absolute"},
            "blocks.0.mlp_position must be 'none' to be trained here, not 'absolute'",
        ),
        ({"readout__steps": "last"}, "readout.steps must be 'all' to be trained here, not 'last'"),
        ({"encoder__coding": "steps"}, "encoder.coding must be 'direct' to be trained here, not"),
        (
            {"block__attention": {"kind": "mask", "attention": "sdsa", "heads": 2, "tau": 3}},
            "tau must be 2 to be trained here, not Fraction",
        ),
        ({"encoder__position": "sin"}, "encoder.position must be one of absolute, none, not"),
        ({"block__weight_bits": 5}, "Weight bits must be one of 1, 2, 3, 4, 8, not 5"),
        ({"attention__neuron": "if"}, "neuron must be 'lif' to be trained here, not 'if'"),
        ({"attention__gate": 2}, "gate must be None to be trained here, not 2"),
        ({"attention__reset": "soft"}, "reset must be 'hard' to be trained here, not 'soft'"),
        ({"attention__scale": -0.5}, "norm must be none and scale positive"),
    ],
)
def test_refuses_keys(keys, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        Network(changed(**keys))(torch.zeros(2, 6, 5))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"readout__groups": 4}, "readout.groups: 4: must be a divisor of"),
        ({"fraction": 9}, "fraction: 9: must be an integer from 0 to 8"),
        ({"encoder__noise": 1}, "encoder.noise: 1: unknown key"),
        ({"attention__scales": 1}, "scales: 1: unknown key"),
    ],
)
def test_refuses_what_is_no_network(keys, message):
    with pytest.raises(DesignError, match=f"^{message}"):
        Network(changed(**keys))


def test_a_design_without_a_position_has_none():
    design = changed()
    del design["encoder"]["position"]
    assert Network(design).encoder.position is None


def test_says_which_key_is_missing():
    with pytest.raises(ValueError, match="^Design must have the key tokens$"):
        Network({"dim": 3})


def test_integers_are_within_the_ranges_of_the_contract():
    network = trained(changed(fraction=8))
    with torch.no_grad():
        network.blocks[0].query.norm.weight[:] = 1e-7
        network.blocks[0].key.norm.weight[0] = 0
        network.encoder.position[0, 0] = 1e6
    arrays = network.integers()
    for name, array in arrays.items():
        if name.endswith("threshold"):
            assert array.min() >= 1
            assert array.max() < (1 << 23 if name.startswith("encoder") else 1 << 18)
        elif name.endswith("bias"):
            assert abs(array).max() < (1 << 17 if name.startswith("block") else 1 << 23)
    assert abs(arrays["encoder.position"]).max() == 127
    assert network.design()["encoder"]["position_shift"] == 6
    weights = abs(arrays["encoder.weight"]).max(axis=1)
    assert weights[0] == 8
    assert (weights[1:] == 127).sum() > 3
    assert set(np.unique(arrays["blocks.0.value.weight"])) == {-1, 0, 1}


@pytest.mark.parametrize("residual", ["or", "membrane"])
def test_training_and_integers_hardly_differ(residual):
    """With many fraction bits, where the statistics are those of the batch."""
    design = changed(fraction=8, encoder__position="none", block__residual=residual)
    network = trained(design)
    x, length = inputs(design, 64, seed=0)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm1d)]
    network.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    real = network(x, length).detach().numpy()
    network.eval()
    whole = network(x, length).numpy() / (2 * length[:, None].numpy()) * network.readout.scale
    assert np.median(abs(whole - real)) < 0.01 * real.std()


@pytest.mark.parametrize("residual", ["or", "add", "membrane"])
def test_gradients_reach_every_parameter(residual):
    design = changed(attention__scale=1, block__residual=residual)
    network = Network(design)
    x, length = inputs(design, 64, seed=5)
    network(x, length).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
