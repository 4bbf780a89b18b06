"""Half-hourly electricity demand of England and Wales: 192 hours, and the 6 hours after them.

Ref: J. W. Taylor, Short-term electricity demand forecasting using double seasonal exponential
smoothing, Journal of the Operational Research Society 54 (2003) 799-805; the series as pmdarima
has it.
"""

import ast
import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from tasks import Split, Task, r_squared, squared_error, torch_noise

__all__ = ["TASK"]

TOKENS = 32
HALF_HOURS = 12
HISTORY = TOKENS * HALF_HOURS
DAY, WEEK = 48, 336
# Eight of twelve weeks.
TRAINED = 8 * WEEK
LEVELS = 48

SHA256 = "bf5e0b0766e3717ce810bb8f304ae7cff067f31ffa7d133dd005e05cf6f84d84"

DESIGN = {
    "name": "taylor-network",
    "tokens": TOKENS,
    "dim": 64,
    "steps": 2,
    "fraction": 4,
    "encoder": {
        "inputs": HALF_HOURS,
        "bits": 8,
        "signed": True,
        "weight_bits": 8,
        "position": "absolute",
    },
    "blocks": [
        {
            "residual": "or",
            "weight_bits": 2,
            "hidden": 128,
            "attention": {
                "heads": 4,
                "similarity": "and",
                "position": "none",
                "scale": 0.125,
                "threshold": 0.5,
            },
        }
    ],
    "readout": {"outputs": HALF_HOURS, "weight_bits": 8, "groups": 1},
}


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


def units() -> tuple[float, float]:
    """Return deviation and mean of the part to train with, in MW."""
    part = series()[:TRAINED]
    return float(part.std()), float(part.mean())


def windows(first: int, last: int) -> NDArray[np.int64]:
    """Return the half-hours that forecasts start at, all of whose targets are in a range."""
    return np.arange(first, last - HALF_HOURS + 1)


def splits() -> tuple[Split, Split]:
    """Return every window whose targets are in the first eight weeks, and in the last four."""
    demand = series()
    deviation, mean = units()
    scaled = (demand - mean) / deviation
    levels = np.clip(np.rint(scaled * LEVELS), -128, 127).astype(np.int8)

    def split(starts: NDArray[np.int64]) -> Split:
        x = levels[starts[:, None] + np.arange(-HISTORY, 0)].reshape(-1, TOKENS, HALF_HOURS)
        y = scaled[starts[:, None] + np.arange(HALF_HOURS)].astype(np.float32)
        return Split(x, np.full(len(x), TOKENS, dtype=np.int64), y)

    return split(windows(HISTORY, TRAINED)), split(windows(TRAINED, len(demand)))


def baselines() -> dict[str, float]:
    """The same half-hours a day and a week before, and ridge regression on all inputs."""
    train, test = splits()
    x, x_test = (split.x.reshape(len(split.x), -1) / LEVELS for split in (train, test))
    ridge = RidgeCV(np.logspace(-3, 4, 15)).fit(x, train.y)
    made = {"ridge regression": ridge.predict(x_test)}
    for name, lag in (("a day before", DAY), ("a week before", WEEK)):
        made[name] = x_test[:, HISTORY - lag : HISTORY - lag + HALF_HOURS]
    return {name: r_squared(predicted, test.y) for name, predicted in made.items()}


TASK = Task(
    name="taylor",
    design=DESIGN,
    splits=splits,
    loss=squared_error,
    score=r_squared,
    augment=torch_noise(2.0, -128, 127),
    baselines=baselines,
    variants={
        "without position": {"encoder.position": "none"},
        "shift": {"encoder.position": "none", "attention.position": "shift"},
        "eight groups": {"encoder.position": "none", "readout.groups": 8},
        "binary": {"block.weight_bits": 1},
        "eight bits": {"block.weight_bits": 8},
    },
    training={"steps": 1500},
    units=units,
)
