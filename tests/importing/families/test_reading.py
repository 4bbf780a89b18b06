"""Configurations and tensors that contradict each other, guesses, and data."""

import numpy as np
import pytest

from spikeloom.design.read import DesignError

from .cases import CASES, draw
from .opened import convert, read


def refusal(name, **more):
    with pytest.raises(DesignError) as caught:
        convert(name, **more)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "config", "line"),
    [
        ("seqsnn", {"network.depths": 4}, "network.depths: 4: must be 2, the number of blocks"),
        ("seqsnn", {"network.dim": 64}, "network.dim: 64: must be 16, the width"),
        ("seqsnn", {"network.d_ff": 64}, "network.d_ff: 64: must be 32, the width of the MLP"),
        ("seqsnn", {"network.num_steps": 2}, "network.num_steps: 2: must be 4, T"),
        ("seqsnn", {"network.tau": 1.5}, "network.tau: 1.5: must be 2, tau of all neurons"),
        ("seqsnn", {"network.heads": 3}, "network.heads: 3: must divide the width (16)"),
        ("seqsnn", {"network.heads": 1.5}, "network.heads: 1.5: must be a whole number"),
        ("seqsnn", {"network.heads": "many"}, "network.heads: 'many': must be a number from 1"),
        ("seqsnn-xnor", {"network.type": "XNOR"}, "network.type: 'XNOR': must be one of Spikf"),
        ("spikformer-cifar", {"layer": 4}, "layer: 4: must be 1, the number of blocks"),
        ("spikformer-cifar", {"num_classes": 10}, "num_classes: 10: must be 5, the number of"),
        ("spikformer-cifar", {"img_size": 18}, "img_size: 18: must be a multiple of 4"),
        ("spikformer-cifar", {"num_heads": [0]}, "num_heads: [0]: must be whole numbers from 1"),
        ("jelly-spikformer", {"patch_size": 8}, "patch_size: 8: must be 4 or 16"),
        ("spike-driven-v1", {"dvs_mode": True}, "dvs_mode: True: must be False"),
        ("spike-driven-v1", {"spike_mode": "plif"}, "spike_mode: 'plif': must be lif"),
        ("spike-driven-v2", {"depths": 8}, "depths: 8: must be 3, the number of transformer"),
        ("spike-driven-v2", {"img_size": 40}, "img_size: 40: must be a multiple of 16"),
        ("spike-driven-v1", {"pooling_stat": 2222}, "pooling_stat: 2222: must be four digits"),
        ("qkformer-imagenet", {"embed_dims": 99}, "embed_dims: 99: must be 16, the width"),
    ],
)
def test_configuration(name, config, line):
    assert refusal(name, config=config).startswith(f"config.yml: {line}")


def test_groups_that_do_not_divide_a_head():
    line = refusal("bit-shift-rope", config={"network.num_groups": 3})
    assert line == "shift.groups: 3: must divide the channels of a head (8)"


def test_learned_positions_are_refused():
    line = refusal("seqsnn", config={"network.pe_type": "learn"})
    assert line.startswith("config.yml: network.pe_type: 'learn': is not carried over")


def tensor(name, shape, value=1.0):
    return {name: np.full(shape, value, np.float32)}


@pytest.mark.parametrize(
    ("name", "tensors", "line"),
    [
        ("seqsnn", tensor("blocks.0.attn.q_m.weight", (16, 8)), "16x8: must be of shape 16x16"),
        ("seqsnn", tensor("blocks.1.mlp.bn1.bias", (16,)), "16: must be of shape 32"),
        ("seqsnn", tensor("blocks.0.mlp.fc2.weight", (16, 16)), "16x16: must be of shape 16x32"),
        ("seqsnn", tensor("encoder.weight", (16,)), "16: must be a matrix"),
        ("seqsnn", tensor("temporal_encoder.encoder.0.bias", (3,)), "3: must be of shape 4"),
        ("seqsnn", tensor("temporal_encoder.encoder.1.bias", ()), "one number: must be of shape"),
        ("seqsnn", tensor("blocks.0.attn.k_bn.running_var", (16,), -1.0), "-1: must not be neg"),
        (
            "spike-driven-v2",
            tensor("block3.0.attn.q_conv.0.body.2.0.weight", (16, 16, 3, 3)),
            "16x16x3x3: must be of shape 16x1x3x3",
        ),
        (
            "spike-driven-v2",
            tensor("block4.0.attn.proj_conv.0.body.0.weight", (24, 24, 1, 1), 3e38),
            "24x24x1x1: must be smaller to be multiplied by the others",
        ),
        (
            "jelly-spikformer",
            tensor("blocks.0.attn.qkv_conv_bn.0.weight", (32, 16, 1)),
            "32x16x1: must be of shape 48x16x1",
        ),
        (
            "jelly-spikformer",
            tensor("blocks.0.attn.qkv_conv_bn.0.weight", (48, 16, 3)),
            "48x16x3: must be a matrix, or the kernel of one place",
        ),
        (
            "spike-driven-v1",
            tensor("block.0.mlp.fc2_conv.weight", (16, 24, 1, 1)),
            "16x24x1x1: must be of shape 16x32x1x1",
        ),
    ],
)
def test_shapes(name, tensors, line):
    found = refusal(name, tensors=tensors)
    assert found.startswith("model.pth: tensor ")
    assert f": {line}" in found


def test_largest_numbers_of_float32():
    tensors = tensor("blocks.0.attn.q_m.weight", (16, 16), 3.4e38)
    tensors |= tensor("blocks.1.mlp.fc2.bias", (16,), -3.4e38)
    imported = convert("seqsnn", tensors=tensors)
    assert np.abs(imported.weights["blocks.0.query.weight"]).max() == 127


def test_host_part_that_does_not_fit_together():
    kernel = tensor("patch_embed.proj_conv1.weight", (4, 3, 3, 3))
    line = refusal("spikformer-cifar", tensors=kernel)
    assert line.startswith("model.pth: tensors: must fit together, and do not: ")


@pytest.mark.parametrize(
    ("name", "config", "line"),
    [
        ("seqsnn", {"data.window": 100_000}, "tokens: 100000: must be at most 4096"),
        ("spikformer-cifar", {"time_step": 900_000}, "T: 900000: must be at most 16"),
        ("qkformer-cifar", {"img_size": 999_996}, "stage1: tokens: 999992000016: must be at most"),
    ],
)
def test_sizes_beyond_a_network_are_refused_at_once(name, config, line):
    assert refusal(name, config=config).startswith(f"model.pth: {line}")


@pytest.mark.parametrize(("name", "factor"), [("seqsnn", 2), ("seqsnn-gray", 1)])
def test_common_threshold(name, factor):
    plain, low = (convert(name, config={"network.common_thr": one}) for one in (1.0, 0.5))
    assert low.design["blocks"][0]["attention"]["threshold"] == 0.25
    for layer in ("encoder", "blocks.0.value", "blocks.0.expand"):
        once, halved = (one.weights[f"{layer}.threshold"] for one in (plain, low))
        assert (abs(once - factor * halved) < factor).all()


def test_guesses_are_said():
    imported = convert("jelly-spikformer", config={"num_heads": None, "T": None})
    assert imported.guesses == (
        "T = 4: time_step is not in the configuration",
        "heads = 8: num_heads is not in the configuration",
    )


def test_arguments_of_the_training_are_no_guess():
    imported = convert("spikformer-imagenet", config={"T": None})
    assert imported.design["steps"] == 4
    assert imported.guesses == ()
    assert convert("spikformer-imagenet").design["steps"] == 2


def test_arguments_of_the_training_contradict():
    line = refusal("spikformer-imagenet", config={"num_classes": None}, args={"num_classes": 9})
    assert line.startswith("model.pth: args.num_classes: 9: must be 5, the number of classes")


def test_xnor_of_which_kind():
    line = refusal("seqsnn-xnor", config={"network.type": None})
    assert line.startswith("network.type: missing: must be one of Spikformer_XNOR, Spikformer_XN")


def test_guess_that_cannot_be():
    line = refusal("spikformer-cifar", config={"num_heads": None})
    assert line == "num_heads: 12: must divide the width (16), and was a guess"


def test_nothing_is_guessed_that_is_said():
    assert convert("spikformer-cifar").guesses == ()


def test_norm1_is_dead():
    lines = {line.tensor: str(line) for line in convert("spikformer-cifar").lines}
    assert lines["block.0.norm1.weight"].endswith("left (the published forward never uses it)")
    assert lines["block.0.attn.q_bn.running_var"].endswith("folded into blocks.0.query")
    assert lines["patch_embed.proj_conv.weight"].endswith("runs on the host")
    assert lines["head.weight"].endswith("the read-out")


def test_tables_are_computed_again():
    lines = {line.tensor: line.became for line in convert("seqsnn-cpg-pe").lines}
    assert lines["pe.emb.pe"] == "runs on the host; computed again: equal"
    table = read("seqsnn-cpg-pe").tensors["pe.emb.pe"].copy()
    table[3, 0, 1] = 1 - table[3, 0, 1]
    imported = convert("seqsnn-cpg-pe", tensors={"pe.emb.pe": table})
    found = {line.tensor: line.became for line in imported.lines}["pe.emb.pe"]
    assert found.endswith("differs in 1 entries, and is taken as it is")


def test_tables_that_are_added():
    tensors = {
        "pe.emb.pe": read("seqsnn-cpg-pe").tensors["pe.emb.pe"][:, :, :3],
        "encoder.weight": np.ones((16, 3), np.float32),
    }
    imported = convert("seqsnn-cpg-pe", tensors=tensors, config={"network.pe_mode": "add"})
    assert imported.design["encoder"]["inputs"] == 3
    assert imported.design["encoder"]["bits"] == 2
    plain = convert("seqsnn").parts[0].host.run(draw(CASES["seqsnn"]))
    x = imported.parts[0].host.run(draw(CASES["seqsnn-cpg-pe"]))
    rows = tensors["pe.emb.pe"][:48, 0].reshape(4, 12, 3)
    assert x.shape == plain.shape
    assert set(np.unique(x - rows)) == {0, 1}


def test_table_must_be_long_enough():
    table = read("seqsnn-cpg-pe").tensors["pe.emb.pe"][:40]
    line = refusal("seqsnn-cpg-pe", tensors={"pe.emb.pe": table})
    assert "tensor pe.emb.pe: 40x1x6: must have a row for each of 4 steps of 12 tokens" in line


@pytest.mark.parametrize("shape", [(2, 12, 4), (2, 12), (0, 12, 3)])
def test_data_of_another_shape(shape):
    assert refusal("seqsnn", data=np.zeros(shape)).startswith("data: float64 of shape ")


def test_data_say_how_many_tokens_there_are():
    imported = convert("seqsnn", data=np.zeros((1, 9, 3), np.float32))
    assert imported.design["tokens"] == 9


def test_labels_of_another_count():
    data = np.zeros((2, 12, 3), np.float32)
    line = refusal("seqsnn", data=data, labels=np.zeros(3))
    assert line == "labels: 3 labels: must be one for each of the 2 samples"


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        (np.array([0, 3]), "labels: 0 to 3: must be classes from 0 to 2"),
        (np.zeros((2, 4)), "labels: 4 numbers for each sample: must be one class, or 3 numbers,"),
    ],
)
def test_labels_of_another_kind(labels, line):
    data = np.zeros((2, 12, 3), np.float32)
    assert refusal("seqsnn", data=data, labels=labels).startswith(line)


def test_picture_of_another_shape():
    line = refusal("spikformer-cifar", data=np.zeros((1, 3, 16, 8)))
    assert line.startswith("data: shape (1, 3, 16, 8): must be square pictures")


@pytest.mark.parametrize("name", CASES)
def test_spikes_do_not_depend_on_the_order_of_tensors(name):
    """The host's programs are written down, and run again from what is written."""
    imported = convert(name, bits=CASES[name].bits)
    for part in imported.parts[:1]:
        again = type(part.host).load(part.host.save())
        sample = draw(CASES[name])
        assert np.array_equal(again.run(sample), part.host.run(sample))
