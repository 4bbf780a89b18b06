import pytest

from spikeloom.design.rate import RateDesign
from spikeloom.hdl.rate import RateLayer

from ..designs import cover
from ..integers import check

FACTORS = {
    "tokens": (1, 2, 3, 12, 32),
    "dim": (1, 4, 9, 16),
    "steps": (1, 3, 4),
    "rate": ((8, 5), (4, 2), (3, 0), (1, 0)),
    "threshold": ("1", "2", "3"),
    "accumulate": ("exact", "float64"),
    "v_bits": (2, 5, 8),
    "lanes": (1, 2, 4, 16),
    "beat": (8, 16),
}


def layer(row):
    lanes = min(row["lanes"], row["dim"])
    lanes = lanes if lanes == row["dim"] else 1 << lanes.bit_length() - 1
    return RateDesign.from_dict(
        {
            **{
                key: row[key]
                for key in ("tokens", "dim", "steps", "v_bits", "threshold", "accumulate")
            },
            **{"rate_bits": row["rate"][0], "rate_fraction": row["rate"][1]},
            **{"folding": {"lanes": lanes}, "target": {"beat": row["beat"]}},
        }
    )


@pytest.mark.parametrize("row", cover(FACTORS, 2), ids=lambda row: "/".join(map(str, row.values())))
def test_rtl_equals_golden(row, request):
    seed = sum(request.node.name.encode())
    design = layer(row)
    large = row["tokens"] * row["dim"] * row["steps"] > 200
    rates = (0.8, 0.2) if large else (0.7, 0.0, 0.3, 1.0)
    # Amaranth's own simulator knows no SPRAM.
    compiled = large or any(memory.single_port for memory in RateLayer(design).memories)
    check(design, stalls=(0.0, 0.3, 0.6)[seed % 3], seed=seed, rates=rates, compiled=compiled)


def test_rates_lie_in_single_ported_memory_where_the_others_are_many():
    design = RateDesign.from_dict(
        {
            **{"tokens": 32, "dim": 64, "steps": 4, "rate_bits": 7, "rate_fraction": 5},
            "folding": {"lanes": 8},
        }
    )
    layer = RateLayer(design)
    assert [memory.name for memory in layer.memories if memory.single_port] == ["rates"]
    assert sum(memory.ebr for memory in layer.memories) <= 30
    first, second = check(design, stalls=0.2, seed=1, rates=(0.9, 0.5), compiled=True)
    assert first.any()
    assert second.any()


def test_worst_case_is_every_spike_in_every_step():
    design = RateDesign.from_dict({"tokens": 3, "dim": 4, "steps": 2, "rate_fraction": 0})
    layer = RateLayer(design)
    # Two cycles a rate and step; a pass of 5 cycles, 12 spikes of k and 12 of q with 3 starts.
    assert layer.compute_cycles() == 2 * (2 * 2 * 12 + 5 + 12 + 12 + 3)


def test_table_of_rounded_sums_takes_a_cycle_more_and_no_sums():
    keys = {"tokens": 3, "dim": 4, "steps": 6, "rate_fraction": 3, "rate_bits": 6}
    exact, table = (
        RateLayer(RateDesign.from_dict(keys | {"accumulate": how})) for how in ("exact", "float64")
    )
    # A third cycle for each of 2 x 12 rates in each of 6 steps.
    assert table.compute_cycles() == exact.compute_cycles() + 6 * 2 * 12
    assert [(m.name, m.width, m.depth, m.rom) for m in table.memories[:2]] == [
        ("rates", 6, 32, False),
        ("spikes", 6, 49, True),
    ]
    assert [memory.width for memory in exact.memories if memory.name == "rates"] == [6 + 6]


def test_rates_at_the_threshold_do_not_fire_in_six_steps_of_float64():
    """A rate of 1 against a threshold of 1: six sixths are less, in float64 and in the RTL."""
    keys = {"tokens": 2, "dim": 2, "steps": 6, "rate_bits": 1, "rate_fraction": 0}
    for how, some in (("exact", True), ("float64", False)):
        design = RateDesign.from_dict(keys | {"accumulate": how})
        (answer,) = check(design, stalls=0.2, seed=2, rates=(1.0,))
        assert answer.any() == some
