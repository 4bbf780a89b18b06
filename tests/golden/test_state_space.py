import numpy as np
import pytest

from spikeloom.design import Design, load_design
from spikeloom.design.read import DesignError
from spikeloom.design.state_space.fixed import fixed, spans, width
from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.kinds import model
from spikeloom.golden.state_space import error_bound, state_space


def drawn(state, dim, seed, low=0.9):
    rng = np.random.default_rng(seed)
    return {
        "A": rng.uniform(low, 1, state),
        "B": rng.normal(size=(state, dim)) * 0.4,
        "C": rng.normal(size=(dim, state)) * 0.3,
    }


def make(state=5, dim=4, steps=6, seed=0, low=0.9, **keys):
    matrices = keys.pop("matrices", None) or drawn(state, dim, seed, low)
    shape = {"kind": "state-space", "steps": steps, "dim": dim, "state": state}
    return Design.from_dict({**shape, "matrices": matrices, **keys})


def real(matrices, x, threshold=1.0):
    """The published class restated: float64, no rounding, all sequences at once."""
    a, b, c = (np.asarray(matrices[name], dtype=np.float64) for name in "ABC")
    h, v = np.zeros((len(x), len(a))), np.zeros((len(x), len(c)))
    spikes, outputs = [], []
    for t in range(x.shape[1]):
        h = a * h + x[:, t] @ b.T
        y = h @ c.T
        v = v + y
        s = v >= threshold
        v = v - threshold * s
        spikes.append(s)
        outputs.append(y)
    return np.stack(spikes, axis=1), np.stack(outputs, axis=1)


def published(state, dim):
    """What SpikyStateSpace draws for its matrices, restated."""
    rng = np.random.RandomState(42)
    a = np.exp(-0.01 * abs(rng.randn(state)))
    b = rng.randn(state, dim) * np.sqrt(2 / dim)
    return {"A": a, "B": b, "C": rng.randn(dim, state) * np.sqrt(2 / state)}


def test_one_state_by_hand():
    integers = {"A": [3], "B": [[2]], "C": [[3]]}
    keys = {"a_fraction": 2, "b_fraction": 1, "c_fraction": 1, "h_fraction": 2, "y_fraction": 1}
    design = make(1, 1, 4, matrices=integers, threshold=2, **keys)
    # h: 4, 3 + 0, 2.25 -> 2 + 4, 4.5 -> 5; C h in eighths: 12, 9, 18, 15; y in halves.
    spikes, y = state_space(design, [[1], [0], [1], [0]])
    assert y.ravel().tolist() == [3, 2, 5, 4]
    # v in halves: 3, 5 fires 1, 6 fires 2, 6 fires 2; the threshold is 4 halves.
    assert spikes.ravel().tolist() == [0, 1, 1, 1]


CASES = [
    {"state": 64, "dim": 64, "steps": 32},
    {"state": 16, "dim": 8, "steps": 60, "low": 0.98},
    {"state": 7, "dim": 5, "steps": 40, "low": 0.3, "input_bits": 4},
    {"state": 9, "dim": 12, "steps": 30, "b_bits": 16, "c_bits": 16, "y_fraction": 16},
    {"state": 9, "dim": 12, "steps": 30, "h_fraction": 8, "y_fraction": 2},
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bound_against_float_on_1000_sequences(case):
    keys = dict(case)
    given = published(64, 64) if case["state"] == 64 else drawn(
        keys["state"], keys["dim"], 3, keys.pop("low", 0.9)
    )  # fmt: skip
    design = make(**{**keys, "matrices": given})
    count = 1000
    rng = np.random.default_rng(1)
    rates = rng.random(count)[:, None, None]
    x = rng.integers(1, 1 << design.input_bits, (count, design.steps, design.dim))
    x[rng.random(x.shape) >= rates] = 0
    spikes, outputs = real(given, x)
    bound = error_bound(design)
    worst = wrong = 0
    for n in range(count):
        s, y = state_space(design, x[n])
        error = abs(y / 2.0**design.y_fraction - outputs[n])
        assert (error <= bound + 1e-9).all()
        worst = max(worst, error.max())
        wrong += (s != spikes[n]).sum()
    assert 0 < worst < bound.max()
    # Few spikes move: only those of membranes that the error takes over the threshold.
    assert wrong / x[..., :1].size / design.dim < 0.12


def test_rounding_alone_stays_within_what_the_decay_allows():
    rng = np.random.default_rng(2)
    a = rng.integers((1 << 16) - 2000, 1 << 16, 8)
    b, c = rng.integers(-128, 128, (8, 6)), rng.integers(-128, 128, (6, 8))
    keys = {"a_fraction": 16, "b_fraction": 7, "c_fraction": 7, "h_fraction": 9, "y_fraction": 12}
    design = make(8, 6, 100, matrices={"A": a, "B": b, "C": c}, **keys)
    assert fixed(design).rounded == (0, 0, 0)
    x = (rng.random((1000, 100, 6)) < 0.3).astype(np.uint8)
    _, outputs = real({"A": a / 2**16, "B": b / 128, "C": c / 128}, x)
    closed = (abs(c / 128) @ (2.0**-10 / (1 - a / 2**16))) + 2.0**-13
    assert (error_bound(design) <= closed + 1e-12).all()
    for n in range(1000):
        error = abs(state_space(design, x[n])[1] / 2.0**12 - outputs[n])
        assert (error <= closed + 1e-9).all()


def test_exact_where_nothing_is_rounded():
    """Halves of integers: 20 fraction bits hold every product of 12 steps."""
    rng = np.random.default_rng(4)
    given = {"A": [0.5] * 6, "B": rng.integers(-4, 4, (6, 5)) / 4.0}
    given["C"] = rng.integers(-4, 4, (5, 6)) / 4.0
    keys = {"b_fraction": 2, "c_fraction": 2, "h_fraction": 18, "y_fraction": 20, "a_fraction": 15}
    design = make(6, 5, 12, matrices=given, **keys)
    x = (rng.random((1000, 12, 5)) < 0.5).astype(np.uint8)
    spikes, outputs = real(given, x)
    for n in range(1000):
        s, y = state_space(design, x[n])
        assert (y == outputs[n] * 2**20).all()
        assert (s == spikes[n]).all()


def test_ranges_are_reached_and_never_left():
    design = make(4, 6, 50, seed=5, input_bits=2)
    made, found = fixed(design), spans(design)
    lows, highs = [], []
    for push in (made.b > 0, made.b < 0):
        for row in push:
            h = np.zeros(4, dtype=np.int64)
            for _ in range(50):
                fraction = design.a_fraction_bits
                h = (made.a * h + (1 << fraction - 1) >> fraction) + (
                    made.b @ (3 * row.astype(int)) << made.lift
                )
                lows.append(h.min())
                highs.append(h.max())
    assert (min(lows), max(highs)) == found.h
    rng = np.random.default_rng(6)
    for _ in range(50):
        _, y = state_space(design, rng.integers(0, 4, (50, 6)))
        assert found.y[0] <= y.min()
        assert y.max() <= found.y[1]


@pytest.mark.parametrize("output", ["spikes", "y"])
@pytest.mark.parametrize(("bits", "beat"), [(1, 1), (1, 8), (2, 4), (4, 64), (8, 2)])
def test_beats(bits, beat, output):
    design = make(3, 5, 4, input_bits=bits, target={"beat": beat}, output=output)
    golden = model(design)
    rng = np.random.default_rng(bits)
    x = rng.integers(0, 1 << bits, (4, 5)).astype(np.uint8)
    beats = golden.pack({"x": x})
    assert len(beats) == golden.beats_in
    # A token is one long number, channel after channel.
    for t, token in enumerate(beats.reshape(4, -1)):
        number = sum(int(part) << beat * n for n, part in enumerate(token))
        assert number == sum(int(value) << bits * c for c, value in enumerate(x[t]))
    answer = golden.answer({"x": x})
    size = 1 if output == "spikes" else -(-width(*spans(design).y) // beat) * beat
    sent = []
    for token in answer.astype(int).tolist():
        number = sum((value % (1 << size)) << size * c for c, value in enumerate(token))
        sent += [number >> beat * n & (1 << beat) - 1 for n in range(-(-5 * size // beat))]
    assert (golden.unpack(np.array(sent, dtype=np.uint64)) == answer).all()
    assert golden.output == ArraySpec(
        output, "(T, D)", (4, 5), *((0, 1) if output == "spikes" else spans(design).y)
    )


def test_default_formats():
    design = make(64, 64, 32, matrices=published(64, 64))
    names = ("a", "b", "c", "h")
    assert [getattr(design, f"{name}_fraction_bits") for name in names] == [20, 7, 7, 11]
    assert width(*spans(design).h) == 20
    assert design.warnings == ()
    numbers = model(design).describe()["numbers"]
    assert [0 < numbers["rounded"][name] <= bound for name, bound in
            (("a", 2**-21), ("b", 2**-8), ("c", 2**-8))] == [True] * 3  # fmt: skip
    assert numbers["error_of_y_at_most"] == error_bound(design).max()
    assert numbers["h"]["bits"] == 20


def test_threshold_off_the_grid_is_rounded_up():
    design = make(threshold="1/3", y_fraction=4)
    assert fixed(design).threshold == 6
    assert design.warnings[0] == "threshold: 0.333333 is rounded up to 6/2^4 (y_fraction)"


ONES = {"A": [0.5], "B": [[0.5]], "C": [[0.5]]}


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            {"matrices": {**ONES, "B": [[0.5, 1.0]]}},
            "matrices: B of shape (1, 2): must be of shape (state, dim) = (1, 1)",
        ),
        ({"matrices": {"A": [1.0], "B": [[1.0]]}}, "must hold the arrays A, B, C: no C"),
        ({"matrices": {**ONES, "C": [["a"]]}}, "array C: must hold integers or floats, not <U1"),
        ({"matrices": {**ONES, "A": 0.5}}, "array A: must have 1 dimension, not shape ()"),
        ({"matrices": {**ONES, "B": [[float("nan")]]}}, "array B: must hold finite numbers"),
        ({"matrices": {**ONES, "B": [[1], [1, 2]]}}, "array B: must be an array of numbers"),
        ({"matrices": {**ONES, "A": [-0.1]}}, "matrices: A[0] = -0.1: must be from 0 to"),
        ({"matrices": {**ONES, "A": [1.5]}}, "matrices: A[0] = 1.5: must be from "),
        (
            {"matrices": {**ONES, "B": [[3.0]]}, "b_fraction": 7},
            "B[0, 0] = 3: must be from -128 to 127 in units of 2^-7 (b_fraction)",
        ),
        ({"matrices": {**ONES, "A": [1]}}, "a_fraction: missing: A holds integers"),
        ({"matrices": 3}, "matrices: 3: must be the name of a .npz file"),
        ({"matrices": "no.npz"}, "must be a file that can be read (No such file or directory)"),
        ({"h_fraction": 2}, "h_fraction: 2: must be at least 7, the fraction bits of B"),
        ({"y_fraction": 24}, "y_fraction: 24: must be at most 18, the fraction bits of the state"),
        (
            {"matrices": {**ONES, "B": [[100.0]]}, "b_bits": 16, "h_fraction": 30},
            "h_fraction: 30: must be less: a state must fit the 31 bits that are multiplied",
        ),
        (
            {"target": {"device": "hx1k-tq144"}},
            "multiplier: 'dsp': must be 'shift-add': hx1k-tq144 has no multipliers",
        ),
        ({"steps": 4097}, "steps: 4097: must be an integer from 1 to 4096"),
        ({"tokens": 3}, "tokens: 3: "),
    ],
    ids=str,
)
def test_refuses(keys, line):
    shape = {"kind": "state-space", "steps": 2, "dim": 1, "state": 1, "matrices": ONES}
    with pytest.raises(DesignError) as caught:
        Design.from_dict({**shape, **keys}, file="a.toml")
    assert str(caught.value).startswith("a.toml: ")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"no archive"])
def test_refuses_a_damaged_file(tmp_path, damage):
    (tmp_path / "m.npz").write_bytes(damage)
    path = tmp_path / "d.toml"
    path.write_text('kind = "state-space"\nsteps = 1\ndim = 1\nstate = 1\nmatrices = "m.npz"\n')
    with pytest.raises(DesignError, match=r"d\.toml: matrices: 'm\.npz': must be an NPZ file"):
        load_design(path)


def test_reads_a_file_beside_the_design(tmp_path):
    np.savez(tmp_path / "m.npz", **drawn(2, 3, 0))
    path = tmp_path / "d.toml"
    path.write_text('kind = "state-space"\nsteps = 2\ndim = 3\nstate = 2\nmatrices = "m.npz"\n')
    design = load_design(path)
    assert design.matrices.file == "m.npz"
    assert design.model_dump(mode="json")["matrices"] == "m.npz"
    assert (design.matrices.real("b") == drawn(2, 3, 0)["B"]).all()


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_package(seed):
    """The published class itself, where it is installed."""
    module = pytest.importorskip("sc_neurocore.transformers.spikformer")
    layer = module.SpikyStateSpace(16, d_state=12)
    given = {"A": layer.A, "B": layer.B, "C": layer.C}
    x = (np.random.default_rng(seed).random((40, 16)) < 0.3).astype(float)
    spikes, outputs = real(given, x[None])
    assert (layer.forward(x) == spikes[0]).all()
    layer.reset()
    assert np.allclose([layer.step(token)[1] for token in x], outputs[0])
