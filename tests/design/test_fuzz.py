from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikeloom.design import Design, DesignError, load_design
from spikeloom.design.attention import AttentionDesign
from spikeloom.design.similarity import SIMILARITIES
from spikeloom.golden.attention.beats import counts
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import ranges

SECTIONS = ("gray", "log", "shift", "table", "folding", "target", "budget")
KEYS = sorted(
    {*AttentionDesign.model_fields}.union(
        *(AttentionDesign.model_fields[s].annotation.model_fields for s in SECTIONS)
    )
)
WORDS = (
    "and xnor alpha-xnor hamming none gray log shift table lif if hard soft l t*L+l logic rom "
    "paper code float32 half-even difference xor score state auto up5k-sg48 3/8 1/0 x.npy"
).split()

scalars = (
    st.sampled_from(WORDS)
    | st.integers(-3, 70)
    | st.integers()
    | st.sampled_from([10**30, 1 << 14000, -(10**30)])
    | st.floats()
    | st.booleans()
    | st.text(max_size=8)
    | st.none()
    | st.binary(max_size=4)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
anything = st.dictionaries(
    st.sampled_from(KEYS) | st.text(max_size=6) | st.integers(), values, max_size=8
)

small = st.fixed_dictionaries(
    {"tokens": st.integers(1, 9), "heads": st.integers(1, 3), "steps": st.integers(1, 5)},
    optional={
        "similarity": st.sampled_from(list(SIMILARITIES)),
        "alpha": st.floats(0, 1) | st.lists(st.floats(0, 1), min_size=1, max_size=3),
        "alpha_bits": st.integers(1, 8),
        "position": st.lists(st.sampled_from(["gray", "log", "shift", "table"]), unique=True),
        "neuron": st.sampled_from(["lif", "if", "none"]),
        "tau": st.sampled_from([2, 4, 8]),
        "threshold": st.floats(1e-3, 100),
        "scale": st.floats(1e-3, 100) | st.lists(st.floats(1e-3, 100), min_size=1, max_size=3),
        "gate": st.integers(-3, 12),
        "decay_input": st.booleans(),
        "reset": st.sampled_from(["hard", "soft"]),
        "gray": st.fixed_dictionaries({}, optional={"bits": st.integers(1, 9)}),
        "log": st.fixed_dictionaries(
            {}, optional={"definition": st.sampled_from(["paper", "code"])}
        ),
        "shift": st.fixed_dictionaries({}, optional={"groups": st.integers(1, 4)}),
        "folding": st.fixed_dictionaries(
            {},
            optional={
                "order": st.sampled_from(["score", "state", "auto"]),
                "rows": st.integers(1, 9),
                "lanes": st.integers(1, 12),
            },
        ),
        "target": st.fixed_dictionaries({}, optional={"beat": st.sampled_from([1, 4, 8, 64])}),
        "budget": values,
    },
)


def accept(make):
    """A design or one line of refusal: anything else is a traceback."""
    try:
        return make()
    except DesignError as error:
        line = str(error)
        assert line
        assert line.isprintable() or not any(c in line for c in "\n\r\v\f\x85\u2028\u2029")
        return None


@settings(max_examples=200, deadline=None)
@given(anything)
def test_any_dictionary(data):
    accept(lambda: Design.from_dict(data))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(KEYS), values)
def test_any_value_of_any_key(key, value):
    base = {"tokens": 8, "dim": 8, "heads": 2, "steps": 2}
    accept(lambda: Design.from_dict(base | {key: value}))
    for section in SECTIONS:
        accept(lambda section=section: Design.from_dict(base | {section: {key: value}}))
        accept(
            lambda section=section: Design.from_dict(
                base | {"position": section, section: {key: value}}
            )
        )


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text() | st.binary(), data=st.data())
def test_any_file(tmp_path: Path, text, data):
    path = tmp_path / "d.toml"
    good = b'tokens = 8\ndim = 8\nheads = 2\nsteps = 2\nposition = "gray"\n[gray]\nbits = 3\n'
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    place = data.draw(st.integers(0, len(good)))
    for content in (raw, good[:place] + raw[:9] + good[place:]):
        path.write_bytes(content)
        accept(lambda: load_design(path))


@settings(max_examples=300, deadline=None)
@given(small, st.integers(1, 12))
def test_shape_laws(data, width):
    data = data | {"dim": data["heads"] * width}
    design = accept(lambda: Design.from_dict(data))
    if design is None:
        return
    assert design.head_dim * design.heads == design.dim
    assert design.channels == design.head_dim + design.code_bits
    assert 1 <= design.lanes <= design.head_dim
    assert all("\n" not in warning for warning in design.warnings)
    assert design == Design.from_dict(data)
    assert hash(design) == hash(Design.from_dict(data))
    found = ranges(design)
    for low, high in (found.score, found.drive, found.membrane):
        assert low <= high
    assert found.drive[0] <= 0 <= found.drive[1]
    count = counts(design)
    assert count.inputs == design.heads * design.steps * (count.k + count.v + count.q)
    if design.neuron != "none":
        for head, real in enumerate(design.thresholds_exact):
            spec = NeuronSpec.from_design(design, head)
            # The threshold on its grid is the real one, rounded up.
            assert 0 <= spec.threshold - real * (1 << spec.fraction) < 1
