"""What a layer costs, estimated from its design file alone: for the choice of an order.

The constants were fitted to the layers of docs/results.json, which a test compares with.
"""

from dataclasses import dataclass
from math import ceil
from typing import Literal

from spikeloom.design.attention.keys import AttentionKeys

__all__ = ["RATE", "Cost", "estimate"]

RATE = 0.2
"""Firing rate of q and k that state order is judged at, where nothing is known of the spikes."""


@dataclass(frozen=True)
class Cost:
    """Estimated cost of a layer.

    Parameters
    ----------
    cells : float
        Logic cells for iCE40.
    cycles : float
        Cycles of one head at one step.
    """

    cells: float
    cycles: float

    @property
    def product(self) -> float:
        """Cells times cycles: what a result costs in silicon and time."""
        return self.cells * self.cycles


def estimate(
    design: AttentionKeys, order: Literal["score", "state"], *, rate: float = RATE
) -> Cost:
    """Estimate cells and cycles of a layer in an order of multiplication.

    Parameters
    ----------
    design : AttentionDesign
        The layer; its own order is not looked at.
    order : {"score", "state"}
        Order to judge.
    rate : float
        Firing rate of q and k, from 0 to 1. Only state order depends on it.

    >>> from spikeloom.design.attention.design import AttentionDesign
    >>> design = AttentionDesign.from_dict({"tokens": 32, "dim": 64, "heads": 4, "steps": 4})
    >>> for order in ("score", "state"):
    ...     cost = estimate(design, order)
    ...     print(order, round(cost.cells), round(cost.cycles))
    score 357 1062
    state 254 213
    """
    if order == "score":
        return Cost(_score_cells(design), _score_cycles(design))
    return Cost(_state_cells(design), _state_cycles(design, rate))


def _score_cycles(design: AttentionKeys) -> float:
    blocks = ceil(design.chunk_queries / design.rows)
    run = _passes(design) * (blocks * (design.chunk_keys + design.rows) + 6)
    return run / design.chunk


def _state_cycles(design: AttentionKeys, rate: float) -> float:
    """Count the spikes, at least one a row, as drawn spikes have them on average."""
    tokens, width, code = design.tokens, design.head_dim, design.code_bits
    keys = width * (tokens * rate + (1 - rate) ** tokens) + code * tokens / 2
    query = width * rate + (code / 2 if code else (1 - rate) ** width)
    once = 7.0
    if _biased(design):
        moving = sum(len(part.windows(design)) for part in design.parts)
        once += tokens
        query = max(query, 2 * moving + 2)
    return _passes(design) * (keys + tokens * query + once)


def _score_cells(design: AttentionKeys) -> float:
    lane = _lane(design, clips=_clips(design))
    row = design.lanes * lane + 3.25 * design.channels
    control = 142 + 7 * _log2(design.tokens) + 9 * _log2(_passes(design))
    return control + design.rows * row + _position_cells(design, 0)


def _state_cells(design: AttentionKeys) -> float:
    control: float = 30 + 16 * _log2(design.tokens) + 15 * _log2(_passes(design))
    control += _position_cells(design, 1)
    numbers = set(design.similarities)
    summed = any(how.counts_zeros for how in numbers)
    if not summed and not _biased(design):
        if _hard(design):
            return control + design.lanes * (2 * _log2(_threshold(design)) + 3)
        return control + design.lanes * (2 * _wide(design) + _membrane(design) + 5)
    lane = 4 * _wide(design) + _membrane(design) + 5
    # Where a pair of zeros counts 1 and nothing else is added, the base takes a carry alone.
    if {(how.zeros, how.each) for how in numbers} != {(1, 0)} or _biased(design):
        lane += _log2(design.tokens) + 4
    counter = _log2(design.tokens) + 1 if summed else 0
    return control + design.lanes * lane + design.beat * counter


def _lane(design: AttentionKeys, *, clips: bool) -> float:
    if clips:
        return 3 * _log2(_threshold(design)) - 1
    return _wide(design) + 2 * _membrane(design)


def _position_cells(design: AttentionKeys, order: int) -> float:
    return sum(part.CELLS[order] * (design.beat if part.BEAT_CELLS else 1) for part in design.parts)


def _biased(design: AttentionKeys) -> bool:
    return design.biases is not None


def _wide(design: AttentionKeys) -> int:
    """Bits of a signed accumulator that holds every drive."""
    _, most = design.biases or (0, 0)
    spans = (how.bounds(design.channels) for how in set(design.similarities))
    score = max(max(-low, high) for low, high in spans) + (max(most, 0) << design.score_fraction)
    return (design.chunk_keys * score).bit_length() + 1


def _membrane(design: AttentionKeys) -> int:
    """Bits of a membrane, which stays below the threshold, unless it can fall without end."""
    if design.neuron == "none" or design.steps == 1:
        return 0
    return _log2(_threshold(design)) if _never_negative(design) else _wide(design) - 1


def _never_negative(design: AttentionKeys) -> bool:
    least, _ = design.biases or (0, 0)
    return all(how.never_negative for how in design.similarities) and least >= 0


def _hard(design: AttentionKeys) -> bool:
    return design.neuron != "none" and design.reset == "hard"


def _clips(design: AttentionKeys) -> bool:
    return _never_negative(design) and _hard(design) and design.normed is None


def _threshold(design: AttentionKeys) -> int:
    return ceil(max(design.thresholds_exact))


def _passes(design: AttentionKeys) -> int:
    return ceil(design.head_dim / design.lanes)


def _log2(value: int) -> int:
    return max(value - 1, 0).bit_length()
