"""What several commands do alike: read designs and spikes, compare answers, report progress."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.commands.progress import say
from spikeloom.design.base import Design
from spikeloom.design.file import load_design
from spikeloom.design.words import folding_in_words
from spikeloom.errors import NoError
from spikeloom.files import InputError
from spikeloom.golden.arrays import inferences
from spikeloom.golden.kinds import model
from spikeloom.sim.simulate import Answer, simulate
from spikeloom.sim.spikes import draw_spikes, read_spikes

__all__ = ["MismatchError", "compare", "load", "say_folding", "spikes"]

_RATE = 0.2


def load(path: Path) -> Design:
    """Read a design file, and say what is doubtful about it."""
    design = load_design(path)
    for warning in design.warnings:
        say(f"{path}: warning: {warning}")
    if design.chosen:
        folding = design.model_dump(mode="json", include={"folding"})["folding"]
        rate = folding.get("rate")
        key = "folding.weights: auto" if rate is None else f"folding.rate: {rate:g}"
        words = folding_in_words(design.chosen)
        say(f"{path}: {key}, so {words}; spikeloom plan {path} lists others")
    return design


def say_folding(design: Design, path: Path) -> None:
    """Say what folding a network has whose file says none: it is the smallest."""
    if design.kind == "network" and "folding" not in design.model_fields_set:
        dumped = design.model_dump(mode="json", include={"folding"}, exclude_none=True)
        words = folding_in_words(dumped["folding"])
        say(f"{path}: folding: not set, so {words}; spikeloom plan {path} lists others")


def spikes(options: Namespace, design: Design) -> tuple[dict[str, NDArray[Any]], str]:
    """Read or draw the input; say in words what it is."""
    rate = getattr(options, "rate", None)
    if options.input is None:
        if getattr(options, "first", None) is not None:
            raise InputError("--first: must be given together with --input")
        rate = _RATE if rate is None else rate
        seed = getattr(options, "seed", 0)
        arrays = dict(draw_spikes(design, rate=rate, seed=seed))
        return arrays, f"random spikes, firing rate {rate:g}, seed {seed}"
    if rate is not None:
        raise InputError("--rate: must not be given together with --input")
    arrays = read_spikes(options.input, design)
    first: int | None = getattr(options, "first", None)
    count = inferences(model(design).inputs, arrays)
    if first is not None and count is not None and first < count:
        arrays = {name: array[:first] for name, array in arrays.items()}
        return arrays, f"{options.input.name}, the first {first} of {count} inferences"
    return arrays, f"{options.input.name}, {count or 1} inference{'s' if (count or 1) > 1 else ''}"


class MismatchError(NoError):
    """An answer differs from another one.

    Parameters
    ----------
    message : str
        What differs.
    other : str
        What it was compared with: ``golden`` or ``recorded``.
    index : tuple of int
        Where the first of the numbers is that differ.
    """

    def __init__(self, message: str, other: str, index: tuple[int, ...]):
        super().__init__(message)
        self.other = other
        self.index = index


def compare(design: Design, arrays: dict[str, NDArray[Any]], answer: Answer) -> list[str]:
    """Give the names of what the answer equals; :exc:`MismatchError` for anything unequal."""
    golden = simulate(design, arrays, target="golden")
    others = {"golden": golden.values}
    if answer.name in arrays:
        others["recorded"] = arrays[answer.name]
    for name, other in others.items():
        wrong = np.argwhere(answer.values != other)
        if len(wrong):
            index = tuple(wrong[0].tolist())
            raise MismatchError(
                f"{design.name}: {answer.name} must equal {name}, and {len(wrong)} of "
                f"{other.size} do not: the first at {index}, {answer.values[index]} instead of "
                f"{other[index]}",
                *(name, index),
            )
    return list(others)
