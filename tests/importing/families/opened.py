"""Fixtures of families, opened: checkpoints, imports, and what PyTorch gave."""

from dataclasses import replace

import numpy as np

from spikeloom.importing.checkpoint import Checkpoint, read_checkpoint
from spikeloom.importing.config import Config
from spikeloom.importing.families import recognise
from spikeloom.importing.imported import Options

from .cases import CASES, FOLDER


def read(name, kind="any"):
    """Read the checkpoint of a case, or the tensors on the grid that stand beside it."""
    if kind == "any":
        return read_checkpoint(FOLDER / f"{name}.{CASES[name].suffix}")
    with np.load(FOLDER / f"{name}.npz") as file:
        found = {key.partition("/")[2]: file[key] for key in file if key.startswith("tensor/")}
    tensors = {key: array.astype(np.float32) for key, array in found.items()}
    return Checkpoint("grid.pth", "", tensors, {}, {}, ())


def convert(name, kind="any", *, config=None, tensors=None, args=None, **options):
    """Import a case; ``config`` and ``tensors`` replace some of its own, None takes one out."""
    checkpoint = read(name, kind)
    changed = {**checkpoint.tensors, **(tensors or {})}
    extra = checkpoint.extra if args is None else {"args": args}
    checkpoint = replace(checkpoint, tensors=changed, extra=extra, file="model.pth")
    values = {**CASES[name].settings.values, **(config or {})}
    kept = Config("config.yml", {key: value for key, value in values.items() if value is not None})
    return recognise(checkpoint).convert(checkpoint, kept, Options(**options))


def expected(name, kind):
    """Return the sample of a case, and what PyTorch's layers gave for it."""
    with np.load(FOLDER / f"{name}.npz") as file:
        layers = {key.partition("/")[2]: file[key] for key in file if key.startswith(f"{kind}/")}
        return file["sample"], layers
