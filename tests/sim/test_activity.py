"""When a design was loaded, computed and was unloaded, as CXXRTL saw it."""

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.sim.simulate import simulate
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import Stimulus

# At most as many bins as a picture has columns.
BINS = 256


@pytest.mark.parametrize("tokens", [2, 24])
def test_every_cycle_is_in_a_bin(tokens):
    design = Design.from_dict(
        {"name": "x", "tokens": tokens, "dim": 8, "heads": 2, "steps": 2, "target": {"beat": 4}}
    )
    answer = simulate(design, dict(draw_spikes(design, rate=0.5, seed=1)))
    seen = answer.activity
    beats = tokens * 8 * 2 // 4
    assert sum(seen.load) == 2 * 3 * beats
    assert sum(seen.compute) == 2 * answer.numbers["compute_cycles"]
    assert sum(seen.unload) == 2 * beats
    assert answer.ends[0] == answer.numbers["cycles"]
    assert answer.ends[1] - answer.ends[0] == answer.numbers["interval"]
    # The last beat of the second answer is in the last bin.
    assert len(seen.unload) == -(-answer.ends[1] // seen.width) <= BINS
    assert (seen.width > 1) == (answer.ends[1] > BINS)
    assert seen.load[0] > 0
    assert max(*seen.load, *seen.compute, *seen.unload) <= seen.width


def test_only_the_first_two_inferences_are_watched():
    design = Design.from_dict({"name": "x", "tokens": 2, "dim": 8, "heads": 2, "steps": 2})
    one = draw_spikes(design, rate=0.5, seed=1)
    many = {name: np.stack([array] * 5) for name, array in one.items()}
    alone, several = simulate(design, dict(one)), simulate(design, many)
    assert sum(several.activity.unload) == sum(alone.activity.unload)
    assert len(several.ends) == 5


def test_a_preamble_is_not_all_there_is():
    frames = np.zeros((2, 1), np.uint64)
    assert Stimulus(frames, 1, preamble=1).watched == (1, 2)
    with pytest.raises(ValueError, match=r"^Preamble must be 0 to 1 frames, not 2$"):
        Stimulus(frames, 1, preamble=2)
