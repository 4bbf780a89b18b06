"""Half-hourly electricity demand of England and Wales: two days, and the six hours after them.

The network is given how much each half-hour differs from that of the week before, and forecasts the
same; the host, which knows the week before, adds it.

Ref: J. W. Taylor, Short-term electricity demand forecasting using double seasonal exponential
smoothing, Journal of the Operational Research Society 54 (2003) 799-805; the series as pmdarima
has it.
"""

import ast
import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from tasks import Split, Task, design, r_squared, squared_error, torch_noise

__all__ = ["TASK"]

TOKENS = 32
INPUTS = 3
HISTORY = TOKENS * INPUTS
AHEAD = 12
DAY, WEEK = 48, 336
# Eight of twelve weeks.
TRAINED = 8 * WEEK
# Of an input, in a deviation.
LEVELS = 32

SHA256 = "bf5e0b0766e3717ce810bb8f304ae7cff067f31ffa7d133dd005e05cf6f84d84"

DESIGN = design(
    "taylor-network",
    tokens=TOKENS,
    inputs=INPUTS,
    bits=8,
    signed=True,
    outputs=AHEAD,
)


def series() -> NDArray[np.float64]:
    """Return 4032 numbers in MW, read from the installed pmdarima, which is not imported."""
    spec = find_spec("pmdarima")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("pmdarima must be installed: pip install --no-deps pmdarima==2.1.1")
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "taylor.py"
    lists = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.List))
    demand = np.array(ast.literal_eval(next(lists)), dtype=np.float64)
    if hashlib.sha256(demand.tobytes()).hexdigest() != SHA256:
        raise ValueError(f"{path} must be the file in pmdarima 2.1.1, and its numbers differ")
    return demand


def differences() -> NDArray[np.float64]:
    """Return what each half-hour has more than that of the week before, in MW; 0 in the first."""
    demand = series()
    return np.concatenate([np.zeros(WEEK), demand[WEEK:] - demand[:-WEEK]])


def unit() -> float:
    """Return the deviation of the differences in the part to train with, in MW."""
    return float(differences()[WEEK:TRAINED].std())


def starts(first: int, last: int) -> NDArray[np.int64]:
    """Return where forecasts start, all of whose half-hours are in a range."""
    return np.arange(first, last - AHEAD + 1)


def window(x: NDArray[Any], start: NDArray[np.int64], first: int, last: int) -> NDArray[Any]:
    """Return the half-hours from ``first`` to ``last`` after each start, (starts, last - first)."""
    found: NDArray[Any] = x[start[:, None] + np.arange(first, last)]
    return found


def splits() -> tuple[Split, Split]:
    """Return every forecast of half-hours in the first eight weeks, and in the last four."""
    scaled, before = differences() / unit(), np.roll(series(), WEEK) / unit()
    levels = np.clip(np.rint(scaled * LEVELS), -128, 127).astype(np.int8)

    def split(start: NDArray[np.int64]) -> Split:
        x = window(levels, start, -HISTORY, 0).reshape(-1, TOKENS, INPUTS)
        length = np.full(len(x), TOKENS, dtype=np.int64)
        y = window(scaled, start, 0, AHEAD).astype(np.float32)
        return Split(x, length, y, window(before, start, 0, AHEAD))

    return split(starts(WEEK + HISTORY, TRAINED)), split(starts(TRAINED, len(scaled)))


def baselines() -> dict[str, float]:
    """The same half-hours a day and a week before, and ridge regressions.

    One has the inputs of the network, the other all demand that these were made of, and no eight
    bits.
    """
    demand, (train, test) = series(), splits()
    start, start_test = starts(WEEK + HISTORY, TRAINED), starts(TRAINED, len(demand))
    wanted = window(demand, start_test, 0, AHEAD)
    before = window(demand, start_test, -WEEK, AHEAD - WEEK)
    x, x_test = (split.x.reshape(len(split.x), -1) / LEVELS for split in (train, test))
    penalties = np.logspace(-3, 4, 15)
    same = RidgeCV(penalties).fit(x, train.y).predict(x_test) * unit() + before
    scaled = (demand - demand[:TRAINED].mean()) / demand[:TRAINED].std()
    every, every_test = (window(scaled, s, -WEEK - HISTORY, 0) for s in (start, start_test))
    model = RidgeCV(penalties).fit(every, window(demand, start, 0, AHEAD))
    made = {
        "ridge regression, the same inputs": same,
        "ridge regression, nine days of demand": model.predict(every_test),
        "the day before": window(demand, start_test, -DAY, AHEAD - DAY),
        "the week before": before,
    }
    return {name: r_squared(predicted, wanted) for name, predicted in made.items()}


TASK = Task(
    name="taylor",
    design=DESIGN,
    splits=splits,
    loss=squared_error,
    score=r_squared,
    augment=torch_noise(6.0, -128, 127),
    baselines=baselines,
    variants={
        "without position": {"encoder.position": "none"},
        "without position, eight groups": {"encoder.position": "none", "readout.groups": 8},
        "binary": {"block.weight_bits": 1},
        "eight bits": {"block.weight_bits": 8},
    },
    training={"steps": 800},
    unit=unit,
)
