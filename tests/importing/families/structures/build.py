"""Structures of cases: built, filled and looked at."""

import importlib

import numpy as np
import torch

from .parts import randomise


def build(case, seed, *, grid):
    """Build the published structure of a case."""
    module, name, *arguments = case.make
    structures = importlib.import_module(f"{__package__}.{module}")
    torch.manual_seed(seed)
    return randomise(getattr(structures, name)(*arguments, **case.keywords), seed, grid=grid)


def look(kind, model, sample, dtype):
    """Return what the layers of a model give for a sample."""
    with torch.no_grad():
        model(torch.tensor(sample[None], dtype=dtype))
    whole = {name: array for name, array in model.seen.items() if (array == np.rint(array)).all()}
    return {f"{kind}/{name}": array.astype(smallest(array)) for name, array in whole.items()}


def smallest(array):
    """Return the type of spikes, or of membranes in integers."""
    return np.uint8 if array.min() >= 0 and array.max() < 256 else np.int32
