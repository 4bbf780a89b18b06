"""Foldings that are chosen: the smallest of all there are, as a search through all has it."""

from functools import cache
from itertools import product

import numpy as np
import pytest

from spikeloom.design import Design, DesignError, load_design
from spikeloom.hdl.network.cycles import attention_cycles, network_cycles
from spikeloom.hdl.network.plan import network_plan
from spikeloom.planning.folded import (
    Folded,
    foldings,
    interval,
    is_hopeless,
    room,
    variant,
    weight_bits,
)
from spikeloom.planning.network import fastest, settle, smallest
from spikeloom.planning.proposals import proposals

from ..networks.draws import block, draw_arrays, keys, make
from ..networks.rtl import arrays_of, frame, send, sequences
from ..tools import example

SCORE = {"order": "score", "rows": 1, "lanes": 6}
INNER = block(attention={"folding": SCORE})
# What one prediction of an interval may be off.
SLACK = 32


def with_rate(rate, **changes):
    return make(
        **{"blocks": [INNER], **changes, "folding": {"rate": rate, **changes.get("folding", {})}}
    )


def everything(design, attentions=(None,), all_lanes=(16, 32, 64), all_tokens=(1, 2, 4, 8)):
    """Give every folding of a network, in a dull loop."""
    options = product(all_lanes, all_tokens, (1, 2), ("ebr", "spram"), attentions)
    for lanes, tokens, planes, weights, attention in options:
        found = {"lanes": lanes, "tokens": tokens, "planes": planes, "weights": weights}
        try:
            yield Folded.of(variant(design, found, attention))
        except DesignError:
            continue


@cache
def every():
    """List all foldings of the small network with the attention folding of ``INNER``."""
    return [*everything(make(blocks=[INNER]))]


def best(folded, rate):
    """Return the fewest cells of those that fit and reach a rate; None if none does."""
    return min((one.cells for one in folded if one.fits and one.rate >= rate), default=None)


def test_weights_go_to_block_ram_where_it_is_enough():
    for dim, weights in ((12, "ebr"), (192, "spram")):
        design = make(dim=dim, folding={"weights": "auto"})
        ebr = Folded.of(make(dim=dim, folding={"weights": "ebr"})).ebr
        assert (ebr <= 30) == (weights == "ebr")
        assert design.folding.weights == design.chosen["weights"] == weights
        assert design.loaded == (weights == "spram")


def test_weights_go_to_block_ram_where_there_is_no_other():
    assert (
        make(dim=192, folding={"weights": "auto"}, target={"device": "hx8k-ct256"}).folding.weights
        == "ebr"
    )


def test_a_network_without_hardware_is_settled_too():
    blocks = [block(residual="membrane")]
    design = make(blocks=blocks, readout={"neurons": "sum"}, folding={"weights": "auto"})
    assert design.folding.weights == "spram"


def test_what_is_set_stays_and_nothing_is_chosen():
    for weights in ("ebr", "spram"):
        design = make(folding={"weights": weights})
        assert design.folding.weights == weights
        assert not design.chosen


@pytest.mark.parametrize("rate", [3_000, 9_000, 14_000, 20_000, 26_000])
def test_the_smallest_is_that_of_a_search_through_all(rate):
    want = best(every(), rate)
    found = Folded.of(with_rate(rate, folding={"weights": "auto"}))
    assert found.fits
    assert found.rate >= rate
    assert found.cells == want
    assert set(found.design.chosen) == {"lanes", "tokens", "planes", "weights"}


@pytest.mark.parametrize("rate", [9_000, 33_000])
def test_the_attention_is_chosen_with_it(rate):
    free = make()
    inner = free.blocks[0].attention
    given = {name: getattr(inner, name) for name in inner.model_fields_set}
    attentions = [
        type(inner).model_validate(
            {**given, "folding": {"order": order, "rows": rows, "lanes": lanes}}
        )
        for order, rows, lanes in (
            *(("score", rows, lanes) for rows in (1, 2, 4) for lanes in (1, 2, 4, 6)),
            *(("state", 1, lanes) for lanes in (1, 2, 4, 6)),
        )
    ]
    want = best([*everything(free, attentions, all_lanes=(32,), all_tokens=(1,))], rate)
    design = make(folding={"rate": rate, "weights": "auto", "lanes": 32, "tokens": 1})
    found = Folded.of(design)
    assert found.rate >= rate
    assert found.cells == want
    layer = design.blocks[0].attention
    told = {"order": layer.order, "rows": layer.rows, "lanes": layer.lanes}
    assert design.chosen["attention"] == told


def test_keys_that_are_set_stay():
    found = with_rate(9_000, folding={"tokens": 2, "weights": "spram"})
    assert (found.folding.tokens, found.folding.weights) == (2, "spram")
    assert set(found.chosen) == {"lanes", "planes"}
    assert found.blocks == make(blocks=[INNER]).blocks


def test_what_was_chosen_is_in_the_summary():
    lazy = {"tokens": 2, "lanes": 32, "planes": 2, "weights": "auto"}
    words = dict(with_rate(9_000, folding=lazy).summary)
    assert words["chosen"] == "weights ebr, for 9,000 inferences a second"
    design = make(folding={"weights": "auto"})
    assert dict(design.summary)["chosen"] == "weights ebr"
    assert "chosen" not in dict(make().summary)


def test_a_budget_limits_the_cells():
    free = Folded.of(with_rate(26_000))
    with pytest.raises(DesignError) as caught:
        with_rate(26_000, budget={"cells": free.cells - 1})
    assert f"in {free.cells - 1} logic cells" in str(caught.value)
    assert Folded.of(with_rate(26_000, budget={"cells": free.cells})).cells == free.cells


def test_what_was_settled_is_settled():
    design = make(folding={"rate": 20_000, "weights": "auto"})
    again = Design.from_dict(design.model_dump(mode="json", exclude_none=True))
    assert again.folding == design.folding
    assert again.blocks == design.blocks
    assert set(again.chosen) <= {"attention"}
    assert settle(again).folding == design.folding


def test_the_fastest_there_is_is_told():
    most = max((one for one in every() if one.fits), key=lambda one: one.rate)
    with pytest.raises(DesignError) as caught:
        with_rate(500_000, folding={"weights": "auto"})
    folding, less = most.design.folding, 1 - most.rate / 500_000
    assert str(caught.value) == (
        f"folding.rate: 500000: must be at most {int(most.rate)}, {less:.0%} less, at "
        f"48 MHz: the fastest that fits up5k-sg48 has lanes {folding.lanes}, tokens "
        f"{folding.tokens}, planes {folding.planes}, weights {folding.weights}"
    )
    with_rate(int(most.rate), folding={"weights": "auto"})


def test_a_folding_that_is_set_and_too_slow_is_refused():
    whole = {"lanes": 16, "tokens": 1, "planes": 1, "weights": "ebr"}
    slow = Folded.of(make(blocks=[INNER], folding=whole))
    rate = 2 * slow.rate
    with pytest.raises(DesignError) as caught:
        with_rate(rate, folding=whole)
    assert str(caught.value) == (
        f"folding.rate: {rate:g}: must be at most {int(slow.rate)}, 50% less, at 48 MHz: the "
        "fastest that fits up5k-sg48 has the folding that is set"
    )


def test_a_network_that_fits_nowhere_is_refused():
    with pytest.raises(DesignError) as caught:
        make(tokens=256, folding={"rate": 1}, target={"device": "hx1k-tq144"})
    assert str(caught.value) == "folding.rate: 1: no folding fits hx1k-tq144"


def test_a_rate_asks_for_hardware():
    blocks = [block(residual="membrane")]
    with pytest.raises(DesignError) as caught:
        make(blocks=blocks, readout={"neurons": "sum"}, folding={"rate": 1})
    assert str(caught.value) == (
        "readout.neurons: 'sum': must be tokens or none to be built; target golden computes it"
    )


@pytest.mark.parametrize("rate", [0, -1, 1e10, "fast", True, float("nan")])
def test_a_rate_is_a_number(rate):
    data = {**keys(folding={"rate": rate}), "weights": draw_arrays(keys())}
    with pytest.raises(DesignError) as caught:
        Design.from_dict(data)
    text = str(caught.value)
    assert text.startswith("folding.rate: ")
    assert text.endswith(": must be a number above 0 and at most 1000000000.0")


def test_fastest_and_smallest_look_at_all_foldings():
    design = make(blocks=[INNER], folding={"lanes": 16, "weights": "spram"})
    most = fastest(design)
    assert most.rate > max(one.rate for one in every() if one.fits)
    assert smallest(design, most.rate).interval == most.interval
    few = fastest(design, 1_500)
    assert few.cells <= 1_500
    assert few.rate < most.rate
    assert fastest(design, 100) is None


@pytest.mark.parametrize("order", ["score", "state"])
def test_cycles_of_the_attention_are_added(order):
    """What the search adds up: the engine does not care how the attention is folded."""
    rest = set()
    for lanes in (2, 6):
        inner = block(attention={"folding": {"order": order, "lanes": lanes}})
        plan = network_plan(make(blocks=[inner, inner], folding={"lanes": 32}))
        rest.add(network_cycles(plan) - attention_cycles(plan))
    assert len(rest) == 1


NONE = {"kind": "none", "inputs": 12, "bits": 1, "signed": False}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"encoder": {"inputs": 40, "bits": 8}, "folding": {"lanes": 64, "tokens": 2}},
        {"blocks": [block(residual="membrane")]},
    ],
)
def test_intervals_are_those_of_the_hardware(changes):
    design = make(3, **{"target": {"link": 1}, **changes})
    x = sequences(design, [design.tokens])[0]
    _, traffic = send(design, [frame(design, x)] * 2)
    assert abs(interval(design, arrays_of(design, x)) - traffic.interval) <= SLACK
    assert Folded.of(design).interval >= traffic.interval


def test_the_hardware_reaches_the_rate():
    design = make(3, folding={"rate": 20_000, "weights": "auto"})
    x = sequences(design, [design.tokens])[0]
    _, traffic = send(design, [frame(design, x)] * 2)
    assert 1e6 * design.target.clock_mhz / traffic.interval >= 20_000


def test_weights_alone_may_be_too_many():
    design = load_design(example("tiny-32x64-network"))
    entries = {name: array.size for name, array in design.weights.items()}
    blocks = sum(
        size for name, size in entries.items() if name.startswith("blocks") and "weight" in name
    )
    ends = sum(entries[name] for name in ("encoder.weight", "encoder.position", "readout.weight"))
    assert weight_bits(design) == blocks * design.blocks[0].weight_bits + 8 * ends
    assert room(design) == 4 * 16384 * 16
    assert not is_hopeless(design)
    # An iCE40 HX1K has 16 block RAM of 4 kbit.
    small = design.model_copy(
        update={"target": design.target.model_copy(update={"device": "hx1k-tq144"})}
    )
    assert room(small) == 16 * 4096
    assert is_hopeless(small)


def test_proposals_fit():
    one = block(hidden=24, weight_bits=8)
    design = make(dim=32, blocks=[one, one], target={"device": "hx8k-ct256"})
    assert not any(folded.fits for folded in foldings(design))
    found = {proposal.text: proposal.folded for proposal in proposals(design)}
    assert found
    for folded in found.values():
        assert folded.fits
        assert Folded.of(folded.design) == folded
    texts = [*found]
    assert texts == ["blocks.weight_bits 4", "1 block instead of 2"]


def test_several_changes_where_one_is_not_enough():
    one = block(hidden=512, weight_bits=8)
    design = make(dim=192, blocks=[one, one, one])
    (found,) = proposals(design)
    assert found.folded.fits
    assert found.text.count(",") >= 1
    assert np.prod(found.folded.design.weights["readout.weight"].shape) > 0
