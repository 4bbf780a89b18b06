"""A graph of NIR as projections: one design for each linear map and the neurons behind it."""

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.names import default_name
from spikeloom.design.projection import ProjectionDesign
from spikeloom.design.read import DesignError, read_number, show
from spikeloom.design.write import smallest, toml
from spikeloom.files import InputError
from spikeloom.golden.projection import projection
from spikeloom.importing.config import Config, read_config
from spikeloom.importing.nir.files import read_tree
from spikeloom.importing.nir.graph import Layer, layers
from spikeloom.importing.nir.integers import Integers, forward, leak, whole
from spikeloom.importing.write import npy, write_files

__all__ = ["DT", "load_graph"]

DT: Final = Fraction(1, 10_000)
"""Seconds of a time step where nothing else is said: what SpikingJelly and others write."""

_STEPS = 4
_RATE = 0.3
_SAMPLES = 256

Result = tuple[int, dict[str, Any] | str]


@dataclass(frozen=True)
class _Made:
    """A layer of the graph, and the design that computes it."""

    layer: Layer
    integers: Integers
    design: ProjectionDesign
    files: Mapping[str, bytes]
    differ: float


def load_graph(options: Namespace, say: Callable[[str], None]) -> Result:
    """Import a graph: write designs of kind ``projection``, their integers and a report.

    Parameters
    ----------
    options : Namespace
        Those of ``spikeloom import``. The configuration may say ``steps``, ``tokens``, ``dt`` and
        ``fires``.
    say : callable
        Takes lines of progress.

    Raises
    ------
    DesignError, InputError
        Graph, configuration or options are wrong, or the folder cannot be written.
    """
    if options.calibrate is not None:
        raise InputError("--calibrate: must be left out: a graph is reported on drawn spikes")
    file = str(options.checkpoint)
    config = read_config(options.config)
    guesses: list[str] = []
    steps = _count(config, ("steps", "T", "num_steps"), "steps", _STEPS, 64, guesses)
    tokens = options.tokens or _count(config, ("tokens",), "tokens", 1, 4096, guesses)
    dt, at = _dt(config, guesses), _at(config, guesses)
    rows = layers(read_tree(options.checkpoint), dt, file)
    say(f"{file}: NIR, {sum(map(len, rows))} layers")
    made = _make(rows, options.bits, steps, tokens, file, at=at)
    files = {name: data for one in made for name, data in one.files.items()}
    about = {
        "container": "NIR",
        "config": "" if options.config is None else options.config.name,
        "layers": [_about(one) for one in made],
        "guesses": guesses,
    }
    paths = write_files(options.output, files, about, options.checkpoint.name)
    if options.json:
        return 0, {"files": [*map(str, paths)], **about}
    lines = [f"guessed: {guess}" for guess in guesses]
    lines += [f"{one.design.name}: {_words(one)}" for one in made]
    if options.explain:
        lines += [line for one in made for line in _explain(one)]
    return 0, "\n".join([*lines, "", *map(str, paths)]) + "\n"


def _count(
    config: Config, names: tuple[str, ...], what: str, default: int, most: int, guesses: list[str]
) -> int:
    given = config.get(*names)
    if given is None:
        guesses.append(f"{what} = {default}: a graph does not say it")
        return default
    key, value = given
    if type(value) is not int or not 1 <= value <= most:
        allowed = f"must be an integer from 1 to {most}"
        raise DesignError(key, show(value), allowed, config.file)
    return value


def _dt(config: Config, guesses: list[str]) -> Fraction:
    given = config.get("dt")
    if given is None:
        guesses.append(f"dt = {float(DT):g} s: a graph does not say it")
        return DT
    try:
        dt = read_number(given[1])
    except ValueError:
        dt = Fraction(0)
    if dt <= 0:
        raise DesignError("dt", show(given[1]), "must be a number of seconds above 0", config.file)
    return dt


def _at(config: Config, guesses: list[str]) -> bool:
    """Say if neurons fire at their threshold, as SpikingJelly's do, and not only above it."""
    given = config.get("fires")
    if given is None:
        guesses.append("fires = above: so NIR defines it; neurons of SpikingJelly fire at")
        return False
    if given[1] not in ("at", "above"):
        raise DesignError("fires", show(given[1]), "must be at or above", config.file)
    return given[1] == "at"


def _make(
    rows: Sequence[Sequence[Layer]], bits: int, steps: int, tokens: int, file: str, *, at: bool
) -> tuple[_Made, ...]:
    """Fold the layers, and compare each with the graph on the spikes that the graph gives it."""
    generator = np.random.default_rng(0)
    names: list[str] = []
    made = []
    x: Any = None
    for first, layer in ((layer is row[0], layer) for row in rows for layer in row):
        if first:
            x = generator.random((steps, _SAMPLES, layer.weight.shape[1])) < _RATE
        name = default_name(f"{layer.node}.toml")
        if name in names:
            name = f"{name[:50]}-{len(names)}"
        names.append(name)
        integers = whole(layer, bits, steps, at=at)
        keys, arrays = _keys(name, layer, integers, bits, steps, tokens), _arrays(integers)
        inline = {part: {"values": np.atleast_2d(array).tolist()} for part, array in arrays.items()}
        try:
            design = ProjectionDesign.from_dict(_joined(keys, inline))
        except DesignError as error:
            key = f"node {show(layer.node)}: {error.key}"
            raise DesignError(key, error.value, error.allowed, file) from None
        named = {part: {"file": f"{name}-{part}.npy"} for part in arrays}
        files = {f"{name}.toml": toml(_joined(keys, named)).encode()}
        files |= {f"{name}-{part}.npy": npy(smallest(array)) for part, array in arrays.items()}
        real = forward(layer, x, at=at)
        answer = projection(design, x.astype(np.int64))
        # Numbers are in units of their own, and only spikes can be equal.
        differ = 0.0 if layer.neurons is None else float((answer != real).mean())
        made.append(_Made(layer, integers, design, files, differ))
        x = real > 0
    return tuple(made)


def _keys(
    name: str, layer: Layer, integers: Integers, bits: int, steps: int, tokens: int
) -> dict[str, Any]:
    """Return the keys of a design, without the arrays."""
    outputs, inputs = layer.weight.shape
    neurons = layer.neurons
    keys: dict[str, Any] = {
        "kind": "projection",
        "name": name,
        "tokens": tokens,
        "inputs": inputs,
        "dim": outputs,
        "steps": steps,
        "neuron": "none" if neurons is None else neurons.kind,
    }
    if neurons is not None:
        keys |= {"reset": "hard", "fires": integers.fires}
        keys |= _leak(neurons.keep) if neurons.kind == "lif" else {}
    return {**keys, "weights": {"bits": max(bits, 2)}}


def _arrays(integers: Integers) -> dict[str, NDArray[np.int64]]:
    found = {"weights": integers.weight, "bias": integers.bias}
    return found if integers.threshold is None else {**found, "thresholds": integers.threshold}


def _joined(keys: Mapping[str, Any], sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {**keys, **{name: {**keys.get(name, {}), **more} for name, more in sections.items()}}


def _leak(keep: Fraction) -> dict[str, Any]:
    """Say a leak as a time constant where that is an integer, and else as what is left."""
    near = leak(keep)
    if near < 1 and (1 / (1 - near)).denominator == 1 and near > 0:
        return {"tau": int(1 / (1 - near))}
    return {"decay": str(near)}


def _words(made: _Made) -> str:
    if made.integers.exact:
        kind = "spikes" if made.layer.neurons is not None else "numbers"
        return f"same {kind}, whatever the input"
    if made.layer.neurons is None:
        return "rounded: numbers in units of their own"
    return f"rounded: {made.differ:.2%} of spikes differ, on {_SAMPLES} drawn samples"


def _about(made: _Made) -> dict[str, Any]:
    neurons = made.layer.neurons
    return {
        "name": made.design.name,
        "node": made.layer.node,
        "neurons": None if neurons is None else neurons.node,
        "fidelity": _words(made),
        "differ": made.differ,
        "unit": [float(unit) for unit in made.integers.unit],
    }


def _explain(made: _Made) -> list[str]:
    layer, name = made.layer, made.design.name
    lines = [f"node {layer.node}: weights and biases of {name}"]
    if layer.neurons is not None:
        lines.append(f"node {layer.neurons.node}: neurons and thresholds of {name}")
        keep = layer.neurons.keep
        if leak(keep) != keep:
            lines.append(f"node {layer.neurons.node}: keeps {leak(keep)} a step, and not {keep}")
    return lines
