from fractions import Fraction

import numpy as np
import pytest

from spikeloom.design import Design, DesignError
from spikeloom.golden.attention import AttentionModel, attention, drive
from spikeloom.golden.attention.beats import counts, pack, pack_output, unpack, unpack_input
from spikeloom.golden.ranges import ranges

STEPS, TOKENS, HEADS, WIDTH = 6, 5, 2, 4
DIM = HEADS * WIDTH
SHAPE = {"tokens": TOKENS, "dim": DIM, "heads": HEADS, "steps": STEPS}
CHUNKS = [2, 3, 6]


def make(**keys):
    return Design.from_dict(SHAPE | keys)


def draw(seed, rate=0.5, keys=TOKENS):
    rng = np.random.default_rng(seed)
    shapes = [(STEPS, n, DIM) for n in (TOKENS, keys, keys)]
    return [(rng.random(shape) < rate).astype(np.uint8) for shape in shapes]


def stacked(q, k, v, chunk):
    """STAtten: O = Q (K^T V) in each chunk and head, over the tokens of all its steps."""
    total = np.zeros(q.shape, dtype=int)
    for start in range(0, STEPS, chunk):
        steps = slice(start, start + chunk)
        for head in range(HEADS):
            part = slice(WIDTH * head, WIDTH * head + WIDTH)
            state = np.zeros((WIDTH, WIDTH), dtype=int)
            for t in range(start, start + chunk):
                state += k[t, :, part].astype(int).T @ v[t, :, part].astype(int)
            total[steps, :, part] = q[steps, :, part].astype(int) @ state
    return total


def test_a_query_sees_a_key_of_a_later_step():
    shape = {"tokens": 1, "dim": 1, "heads": 1, "steps": 2, "scale": 1, "threshold": 1}
    q, k = np.array([1, 0]).reshape(2, 1, 1), np.array([0, 1]).reshape(2, 1, 1)
    spikes = {"neuron": "if"}
    found = attention(Design.from_dict(shape | spikes | {"chunk": 2}), q, k, k)
    assert found.ravel().tolist() == [1, 0]
    assert attention(Design.from_dict(shape | spikes), q, k, k).ravel().tolist() == [0, 0]


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("keys", [TOKENS, 2, 7])
def test_chunks_are_products_over_their_steps(chunk, keys):
    q, k, v = draw(chunk, keys=keys)
    design = make(chunk=chunk, keys=keys)
    assert np.array_equal(drive(design, q, k, v), stacked(q, k, v, chunk))


def test_all_steps_with_hamming():
    """SpikeVideoFormer's: 1 - (mean distance) over all tokens of all steps, scale 1 / (2 dim)."""
    q, k, v = draw(1)
    design = make(chunk=STEPS, heads=1, similarity="hamming", scale=Fraction(1, 2 * DIM))
    total = np.zeros(q.shape, dtype=int)
    for t, i, s, j in np.ndindex(STEPS, TOKENS, STEPS, TOKENS):
        same = int((q[t, i] == k[s, j]).sum())
        total[t, i] += (2 * same - DIM) * v[s, j].astype(int)
    assert np.array_equal(drive(design, q, k, v), total)


def test_each_token_by_itself_over_time():
    """S-CMRL's: (Q K^T) V over the steps, tokens apart; here an inference a token."""
    q, k, v = draw(7)
    design = make(tokens=1, chunk=STEPS, heads=1)
    for n in range(TOKENS):
        own = [x[:, n].astype(int) for x in (q, k, v)]
        expected = own[0] @ own[1].T @ own[2]
        found = drive(design, *(x[:, [n]] for x in (q, k, v)))
        assert np.array_equal(found[:, 0], expected)
        together = drive(make(chunk=STEPS, heads=1), q, k, v)[:, n]
        assert not np.array_equal(together, expected)


def test_membranes_go_on_from_chunk_to_chunk():
    """Token n at step t as without chunks: V <- V + (X - V)/2, hard reset, in rationals."""
    q, k, v = draw(2, rate=0.4)
    spikes = attention(make(chunk=2, scale="1/8"), q, k, v)
    total = stacked(q, k, v, 2)
    assert 0 < spikes.mean() < 1
    for n, c in np.ndindex(TOKENS, DIM):
        membrane = Fraction(0)
        for t in range(STEPS):
            membrane += (Fraction(int(total[t, n, c]), 8) - membrane) / 2
            fires = membrane >= Fraction(1, 2)
            assert spikes[t, n, c] == fires
            membrane = 0 if fires else membrane


def test_order_of_steps_in_a_chunk_moves_the_drive_alone():
    q, k, v = draw(3)
    design = make(chunk=3, similarity="xnor")
    found = drive(design, q, k, v)
    turned = [2, 1, 0, 3, 4, 5]
    assert np.array_equal(drive(design, q, k[turned], v[turned]), found)
    assert np.array_equal(drive(design, q[turned], k, v), found[turned])
    other = [0, 1, 3, 2, 4, 5]
    assert not np.array_equal(drive(design, q, k[other], v[other]), found)


def test_chunks_of_one_step_change_nothing():
    q, k, v = draw(4)
    more = {"position": ["gray", "log"], "similarity": "xnor", "causal": True}
    assert np.array_equal(
        attention(make(chunk=1, **more), q, k, v), attention(make(**more), q, k, v)
    )


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("similarity", ["and", "hamming"])
def test_ranges_are_reached_and_never_left(chunk, similarity):
    design = make(chunk=chunk, similarity=similarity, neuron="none")
    low, high = ranges(design).drive
    ones = [np.ones(x.shape, dtype=np.uint8) for x in draw(0)]
    assert high == drive(design, *ones).max() == chunk * TOKENS * WIDTH
    ones[1][:] = 0
    assert low == drive(design, *ones).min() == (0 if similarity == "and" else -high)
    for seed in range(5):
        x = drive(design, *draw(seed))
        assert low <= x.min()
        assert x.max() <= high


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("side", [1, 2])
def test_sections_of_the_stream(chunk, side):
    """For each group, chunk and head: k of all steps of the chunk, then v, then q; the answer."""
    design = make(chunk=chunk, keys=3, folding={"heads": side}, target={"beat": 2})
    q, k, v = draw(6, keys=3)
    sent, answer = [], []
    for group in range(HEADS // side):
        for start in range(0, STEPS, chunk):
            for head in range(side * group, side * group + side):
                for beats, arrays in ((sent, (k, v, q)), (answer, (q,))):
                    for x in arrays:
                        for t in range(start, start + chunk):
                            bits = x[t, :, WIDTH * head : WIDTH * head + WIDTH].reshape(-1, 2)
                            beats += [int(a) + 2 * int(b) for a, b in bits]
    assert pack(design, q, k, v).tolist() == sent
    assert (counts(design).inputs, counts(design).outputs) == (len(sent), len(answer))
    for found, array in zip(unpack_input(design, sent), (q, k, v), strict=True):
        assert np.array_equal(found, array)
    assert pack_output(design, q).tolist() == answer
    assert np.array_equal(unpack(design, answer), q)


def test_description_of_the_stream():
    beats = AttentionModel(make(chunk=3, folding={"heads": 2})).describe()["beats"]
    assert beats["order"] == (
        "for each group of 2 heads: for each chunk of 3 steps: for each head of the group: the "
        "sections of that head and chunk"
    )
    for section in (*beats["in"]["sections"], *beats["out"]["sections"]):
        assert section["beats"] == 15
        assert section["order"].startswith("step by step, token by token, channel c")


PLACES = "has no meaning with chunk 2: places are those of the tokens of one step"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"chunk": 0}, "chunk: 0: must be an integer from 1 to 64"),
        ({"chunk": 4}, "chunk: 4: must divide the steps (6)"),
        (
            {"chunk": 6, "tokens": 700},
            "chunk: 6: must be at most 5: 4096 tokens of 700 a step",
        ),
        ({"chunk": 2, "causal": True}, f"causal: true: {PLACES}"),
        ({"chunk": 2, "window": 2}, f"window: 2: {PLACES}"),
        ({"chunk": 2, "position": "gray"}, f"position: ['gray']: {PLACES}"),
        (
            {"chunk": 2, "folding": {"order": "state"}},
            (
                "folding.order: 'state': must be 'score': state order answers queries of one step "
                "at a time"
            ),
        ),
        (
            {"chunk": 2, "folding": {"rows": 4}},
            (
                "folding.rows: 4: must be at most 2: with one pass and 4 rows a chunk takes 4 or "
                "at least 7 tokens a step, not 5, or a membrane is read before the step before has "
                "written it"
            ),
        ),
    ],
)
def test_refusals(keys, message):
    with pytest.raises(DesignError) as caught:
        make(**keys)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "keys", [{"neuron": "none"}, {"folding": {"rows": 4, "lanes": 2}}, {"tokens": 4}, {"tokens": 7}]
)
def test_rows_that_no_membrane_minds(keys):
    keys = {**keys, "folding": {"rows": 4, **keys.get("folding", {})}}
    assert make(chunk=2, target={"beat": 4}, **keys).rows == 4


def test_auto_takes_score_order():
    assert make(chunk=2, folding={"order": "auto"}).order == "score"
