"""Whether manifests and design files fit each other, and the reordering that joins them."""

import json

import numpy as np
import pytest

from spikeloom.cli import main
from spikeloom.design import Design, load_design
from spikeloom.generating import generate
from spikeloom.golden.kinds import model
from spikeloom.linking import Side, link, to_toml

from ..tools import example

SHAPE = {"tokens": 6, "dim": 12, "heads": 2, "steps": 4}
PROJECTION = {"kind": "projection", "tokens": 6, "inputs": 12, "steps": 4}


def run(capfd, *arguments):
    code = main(["link", *map(str, arguments)])
    out, err = capfd.readouterr()
    return code, out, err


def side(design, way):
    golden = model(design)
    stream = golden.stream_in if way == "in" else golden.stream_out
    return Side(design.name, design.beat, stream.describe(), stream.arrays,
                {"device": design.target.device})  # fmt: skip


def layer(**keys):
    return Design.from_dict({**SHAPE, **keys})


def projection(dim=12, **keys):
    weights = {"values": [[1] * keys.get("inputs", 12)] * dim, "bits": 2}
    return Design.from_dict({**PROJECTION, "dim": dim, "weights": weights, **keys})


def mask(attention, **keys):
    return layer(kind="mask", attention=attention, **keys)


RESIDUAL = {"kind": "residual", "tokens": 6, "dim": 12, "steps": 4}
STATE = {"folding": {"order": "state"}}
# Receivers, their sources, and whether they fit, a reordering joins them, or nothing does.
CASES = {
    "projections": ([projection()], projection(), "fits"),
    "fused": ([projection(36)], layer(**STATE), "joins"),
    "three": ([projection()] * 3, layer(**STATE), "joins"),
    "score": ([projection()] * 3, layer(), "joins"),
    "heads in parallel": ([projection()] * 3, layer(heads=4, folding={"heads": 2}), "joins"),
    "chunk": ([projection()] * 3, layer(chunk=2), "joins"),
    "wider": ([projection()] * 3, layer(target={"beat": 16}, dim=12), "joins"),
    "wider, whole beats": (
        [projection(96, inputs=12)], layer(dim=32, tokens=6, heads=1, target={"beat": 16}), "joins",
    ),
    "back": ([layer()], projection(), "joins"),
    "one head": ([layer(heads=1)], projection(), "fits"),
    "token mask": ([projection()] * 2, mask("qk-token"), "joins"),
    "channel mask": ([projection(24)], mask("qk-channel"), "joins"),
    "sdsa": ([projection()] * 3, mask("sdsa"), "nothing"),
    "residual": ([projection()] * 2, Design.from_dict({**RESIDUAL, "mode": "or"}), "fits"),
    "planes": ([Design.from_dict(RESIDUAL)], projection(levels=2), "fits"),
    "too great": ([Design.from_dict(RESIDUAL)], projection(), "nothing"),
    "too great for as many bits": (
        [Design.from_dict({**RESIDUAL, "levels": 2})], projection(levels=2), "nothing",
    ),
    "too few planes": ([projection()], projection(levels=3), "nothing"),
    "integers of one bit": (
        [projection()] * 3,
        layer(kind="integer-attention", q_max=1, k_max=1, v_max=1), "joins",
    ),
    "integers": ([projection()] * 3, layer(kind="integer-attention"), "nothing"),
    "cross": ([projection()] * 3, layer(keys=4), "nothing"),
    "two": ([projection()] * 2, layer(), "nothing"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_fits(name):
    sources, receiver, want = CASES[name]
    found = link([side(source, "out") for source in sources], side(receiver, "in"))
    said = "fits" if found.fits else "nothing" if found.reorder is None else "joins"
    assert said == want, found.differences
    assert all("\n" not in text for text in found.differences)
    if found.reorder is not None:
        written = Design.from_dict(
            {**found.reorder.model_dump(mode="json", exclude_none=True), "kind": "reorder"}
        )
        assert model(written).beats_out == model(receiver).beats_in
        assert model(written).beats_in == sum(model(source).beats_out for source in sources)
        # Joined on both sides, nothing is left to be joined.
        assert link([side(written, "out")], side(written, "in")).fits == written.same


@pytest.mark.parametrize(
    "name", ["fused", "score", "wider", "chunk", "heads in parallel", "channel mask"]
)
def test_what_joins_gives_the_beats_of_the_receiver(name, tmp_path):
    sources, receiver, _ = CASES[name]
    found = link([side(source, "out") for source in sources], side(receiver, "in"))
    (tmp_path / "made.toml").write_text(to_toml(found.reorder))
    design = load_design(tmp_path / "made.toml")
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, model(design).output.shape)
    width = design.dim
    arrays = {
        name: x[..., n * width : (n + 1) * width]
        for n, name in enumerate(n for n in "qkv" if n in {s.name for s in model(receiver).inputs})
    }
    assert (model(design).pack_answer(x) == model(receiver).pack(arrays)).all()


def test_command(tmp_path, capfd):
    for name in ("tiny-32x64-projection", "tiny-32x64-fast"):
        generate(load_design(example(name)), tmp_path)
    source, receiver = (tmp_path / f"tiny-32x64-{name}.json" for name in ("projection", "fast"))
    code, out, err = run(capfd, source, example("tiny-32x64-projection-add"))
    assert (code, out, err) == (0, "fits\n", "")
    made = tmp_path / "reorder.toml"
    code, out, err = run(capfd, *[source] * 3, receiver, "-o", made)
    assert code == 1
    assert out == (
        "does not fit: order: step token (q: channels) (k: channels) (v: channels) and head step "
        "(k: channel tokens) (v: token channels) (q: token channels); "
        f"{made} joins them; take 8, 8, 8 beats of them in turn\n"
    )
    assert err == f"wrote {made}\n"
    assert load_design(made).arrays == ("q", "k", "v")
    code, out, _ = run(capfd, *[source] * 3, receiver, "--json", "-o", made)
    told = json.loads(out)
    assert (code, told["fits"], told["turns"]) == (1, False, [8, 8, 8])
    assert Design.from_dict({**told["reorder"], "name": "reorder"}) == load_design(made)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{}", "must be NAME.json as spikeloom generate writes it now, or a design file (.toml)"),
        ("[1]", "must be NAME.json as"),
        ("{", "must be NAME.json as"),
        ('{"name": 1, "beats": {"width": 8, "in": 3}, "arrays": {}}', "must be NAME.json as"),
    ],
)
def test_wrong_files_are_refused_in_one_line(text, line, tmp_path, capfd):
    (tmp_path / "a.json").write_text(text)
    code, out, err = run(capfd, tmp_path / "a.json", example("tiny-32x64"))
    assert (code, out) == (2, "")
    assert err.startswith(f"spikeloom: {tmp_path / 'a.json'}: ")
    assert line in err
    assert err.count("\n") == 1


def test_other_requests_are_refused_in_one_line(tmp_path, capfd):
    code, _, err = run(capfd, example("tiny-32x64"))
    assert (code, err.count("\n")) == (2, 1)
    code, _, err = run(capfd, tmp_path / "none.json", example("tiny-32x64"))
    assert code == 2
    assert "none.json: must be a file that can be read" in err
    mine = tmp_path / "mine.toml"
    mine.write_text('kind = "residual"\ntokens = 2\ndim = 3\nsteps = 1\n')
    code, _, err = run(
        capfd, example("tiny-32x64"), example("tiny-32x64-projection-add"), "-o", mine
    )
    assert (code, err) == (2, f"spikeloom: {mine}: must be new or a reordering, and is residual\n")
