"""What a simulation tells the report of a build."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.assemble import Counts
from spikeloom.design.base import Design
from spikeloom.flow import predict_cycles
from spikeloom.golden.arrays import inferences, one_by_one
from spikeloom.golden.kinds import model
from spikeloom.hdl.kinds import asked
from spikeloom.sim.simulate import Answer

__all__ = ["check_of", "tell"]

# Spikes are counted in as many inferences: golden models of networks take their time.
_SAMPLE = 16


def tell(
    design: Design,
    arrays: Mapping[str, NDArray[Any]],
    answer: Answer,
    equal: Sequence[str],
    stimulus: str,
) -> Counts:
    """Say what the RTL's answer to ``arrays`` shows.

    Parameters
    ----------
    design : Design
        The layer.
    arrays : mapping
        What was sent.
    answer : Answer
        What came back.
    equal : sequence of str
        What it was found equal to.
    stimulus : str
        What was sent, in words.
    """
    given = one_by_one(model(design).inputs, arrays)
    return {
        "measured": dict(answer.numbers),
        "predicted": {"compute_cycles": predict_cycles(design, arrays)},
        "stimulus": stimulus,
        "checks": [check_of(design, arrays, "rtl", equal, stimulus)],
        "activity": _activity(answer),
        "stages": asked(design).stages(given[0]),
        "firing": list(_firing(design, given[:_SAMPLE])),
    }


def check_of(
    design: Design,
    arrays: Mapping[str, NDArray[Any]],
    target: str,
    equal: Sequence[str],
    stimulus: str,
) -> dict[str, Any]:
    """Say of which target how many answers were compared, and with what."""
    count = inferences(model(design).inputs, arrays)
    return {
        "target": target,
        "against": tuple(equal),
        "inferences": 1 if count is None else count,
        "stimulus": stimulus,
    }


def _activity(answer: Answer) -> dict[str, Any] | None:
    if answer.activity is None:
        return None
    found = asdict(answer.activity)
    return {"cycles_a_bin": found.pop("width"), **found, "ends": answer.ends[:2]}


def _firing(
    design: Design, given: Sequence[Mapping[str, NDArray[Any]]]
) -> Iterator[tuple[str, int, int]]:
    """Count spikes and places for them, layer by layer."""
    golden = model(design)
    traces = [golden.spikes(arrays) for arrays in given]
    for name in traces[0]:
        spikes = sum(int(np.count_nonzero(trace[name])) for trace in traces)
        yield name, spikes, sum(trace[name].size for trace in traces)
