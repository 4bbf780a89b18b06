import functools
import itertools

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.attention.formula import attention
from spikeloom.golden.ranges import ranges
from spikeloom.hdl.attention.layer import AttentionLayer

from ...designs import (
    FACTORS,
    NEURONS,
    POSITIONS,
    RATES,
    SWEEP,
    check,
    cover,
    factors,
    inferences,
    layer,
    sweep,
)

ORDERS = ("score", "state")
STALLS = (0.0, 0.3, 0.7)
BATCHES = [
    pytest.param(order, rows, id=f"{order}/{name}")
    for order in ORDERS
    for name, rows in sweep(order)
]
# Small, so that every mechanism can meet every other.
SMALL = {
    **{"tokens": 3, "head_dim": 4, "steps": 2, "rows": 2, "lanes": 2, "beat": 8, "heads": 1},
    **{"buffers": "auto", "grid": 1},
}


@functools.cache
def alike(order):
    """Sort positions and similarities by the ranges of score and drive, which a neuron is made of.

    A neuron learns nothing else of the two.
    """
    classes = {}
    for position, similarity in itertools.product(
        factors(order)["position"], FACTORS["similarity"]
    ):
        row = {**SMALL, "similarity": similarity, "position": position, "neuron": "none"}
        span = ranges(layer(row, order))
        classes.setdefault((span.score, span.drive), []).append((position, similarity))
    return classes


def shared(order, position, similarity):
    """Give the neurons that a position and a similarity take: those of the same ranges take turns.

    Pairs of position and neuron, and of similarity and neuron, are the sweep's.
    """
    if SWEEP != "pairs":
        return tuple(NEURONS)
    members = next(m for m in alike(order).values() if (position, similarity) in m)
    turn, names = members.index((position, similarity)), tuple(NEURONS)
    return names[turn :: len(members)] or (names[turn % len(names)],)


@pytest.mark.parametrize(("order", "rows"), BATCHES)
def test_rtl_equals_golden(order, rows, request):
    seed = sum(request.node.name.encode())
    for n, row in enumerate(rows):
        check(layer(row, order), stalls=STALLS[(seed + n) % len(STALLS)], seed=seed)


@pytest.mark.parametrize("similarity", FACTORS["similarity"])
@pytest.mark.parametrize(
    ("order", "position"), [(o, p) for o in ORDERS for p in factors(o)["position"]]
)
def test_every_similarity_position_and_neuron(order, position, similarity):
    for neuron in shared(order, position, similarity):
        row = {**SMALL, "similarity": similarity, "position": position, "neuron": neuron}
        check(layer(row, order), stalls=0.2, seed=len(neuron), rates=(0.7, 0.4))


@pytest.mark.parametrize("order", ORDERS)
def test_neurons_meet_all_ranges(order):
    classes = alike(order)
    assert len(classes) >= 30
    for members in classes.values():
        taken = [shared(order, *member) for member in members]
        assert all(taken)
        assert set(itertools.chain(*taken)) == set(NEURONS)


def test_one_token_whose_codes_outweigh_the_sign():
    # One token's code matches itself, so no score of hamming is below zero here.
    row = {
        **{"similarity": "hamming", "position": "gray-rom", "neuron": "hard", "tokens": 1},
        **{"head_dim": 3, "steps": 4, "rows": 1, "lanes": 1, "beat": 8, "heads": 1},
        **{"buffers": 1, "grid": 1},
    }
    design = layer(row)
    assert ranges(design).score[0] >= 0
    check(design)


@pytest.mark.parametrize("similarity", FACTORS["similarity"])
@pytest.mark.parametrize("position", POSITIONS)
def test_every_similarity_and_position_behind_a_gate(position, similarity):
    for neuron in ("hard", "none"):
        row = {**SMALL, "similarity": similarity, "position": position, "neuron": neuron}
        check(layer({**row, "gate": True}), stalls=0.2, seed=len(neuron), rates=(0.7, 0.4))


@pytest.mark.parametrize("similarity", FACTORS["similarity"])
@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("order", ORDERS)
def test_heads_with_scales_and_alphas_of_their_own(order, neuron, similarity):
    row = {**SMALL, "similarity": similarity, "neuron": neuron, "own": True, "heads": 3}
    score = order == "score"
    for n, position in enumerate(("none", "log", "difference" if score else "log", "shift-gray")):
        row |= {"position": position, "gate": score and n == 1, "grid": 3 if n == 3 else 1}
        check(layer(row, order), stalls=0.2, seed=n, rates=(0.7, 0.4))


@pytest.mark.parametrize("rows", [1, 4])
def test_scores_are_clipped_for_the_head_with_the_greatest_threshold(rows):
    keys = {"tokens": 6, "dim": 32, "heads": 2, "steps": 3, "similarity": "xnor"}
    for scale in ([1, "1/14"], ["1/14", 1], ["1/14", 0.07]):
        golden = check(
            Design.from_dict({**keys, "scale": scale, "folding": {"rows": rows}}),
            stalls=0.2,
            seed=rows,
            rates=(0.3, 0.6, 0.1),
        )
        assert all(answer.any() and not answer.all() for answer in golden)


@pytest.mark.parametrize("strength", [1, 2])
def test_sweep_covers_what_it_says(strength):
    rows = cover(FACTORS, strength, seed=1)
    for names in itertools.combinations(FACTORS, strength):
        met = {tuple(row[name] for name in names) for row in rows}
        assert met == set(itertools.product(*(FACTORS[name] for name in names)))
    largest = sorted((len(values) for values in FACTORS.values()), reverse=True)
    assert len(rows) <= 1.1 * np.prod(largest[:strength])


def test_sweep_is_the_same_everywhere():
    assert cover(FACTORS, 2) == cover(FACTORS, 2)
    assert cover(FACTORS, 2, seed=1) != cover(FACTORS, 2)


@pytest.mark.skipif(SWEEP != "pairs", reason="looks at the sweep for CI only")
def test_layers_of_the_sweep_fire_and_stay_silent():
    live = silent = 0
    rows = [
        (order, row)
        for order in ORDERS
        for _, batch in sweep(order)
        for row in batch
        if row["neuron"] != "none"
    ]
    for order, row in rows:
        design = layer(row, order)
        answers = [attention(design, **arrays) for arrays in inferences(design, RATES)[0]]
        live += any(answer.any() for answer in answers)
        silent += not all(answer.all() for answer in answers)
    assert live >= 0.9 * len(rows)
    assert silent >= 0.9 * len(rows)


LARGE = {
    "and": {"tokens": 168, "threshold": 400, "folding": {"rows": 4}},
    "xnor-log": {
        **{"tokens": 168, "similarity": "xnor", "position": "log", "threshold": 1200},
        "folding": {"rows": 2, "lanes": 16},
    },
    "xnor-log-rom-off-grid": {
        **{"tokens": 12, "similarity": "xnor", "position": "log", "log": {"form": "rom"}},
        **{"threshold": "301/3", "reset": "soft", "folding": {"rows": 8, "lanes": 8}},
    },
}
BIG = {
    **{"tokens": 600, "dim": 64, "heads": 2, "steps": 1, "threshold": 1200, "scale": 1},
    **{"folding": {"rows": 4, "buffers": 1}},
}


@pytest.mark.parametrize("name", LARGE)
def test_long_sequences_and_many_steps(name):
    design = Design.from_dict({"dim": 64, "heads": 2, "steps": 16, "scale": 1, **LARGE[name]})
    golden = check(design, stalls=0.1, seed=3, rates=(0.5, 0.4))
    assert all(answer.any() and not answer.all() for answer in golden)


def test_memories_beyond_the_block_memory():
    design = Design.from_dict(BIG)
    plan = AttentionLayer(design).plan
    assert plan.single_ported
    assert sum(memory.spram for memory in plan.memories) in (1, 2, 3, 4)
    golden = check(design, stalls=0.1, seed=3, rates=(0.5, 0.4))
    assert all(answer.any() and not answer.all() for answer in golden)


def test_positions_make_a_difference():
    rows = [{**SMALL, "similarity": "xnor", "position": p, "neuron": "none"} for p in POSITIONS]
    rows = [{**row, "tokens": 12, "head_dim": 16, "heads": 2} for row in rows]
    answers = {}
    for row in rows:
        design = layer(row)
        (arrays,), _ = inferences(design, (0.5,))
        answers.setdefault(attention(design, **arrays).tobytes(), []).append(row["position"])
    assert {frozenset(names) for names in answers.values() if len(names) > 1} == set()


def test_manifest_and_plan_agree():
    attention_ = AttentionLayer(
        layer({**SMALL, "similarity": "and", "position": "none", "neuron": "hard"})
    )
    manifest = attention_.manifest()
    plan = attention_.plan
    assert [m["name"] for m in manifest["memories"]] == [m.name for m in plan.memories]
    assert manifest["banks"] == {"input": plan.in_banks, "output": plan.out_banks}
    assert manifest["compute_cycles"] == attention_.compute_cycles()
    assert manifest["passes"] == 2
