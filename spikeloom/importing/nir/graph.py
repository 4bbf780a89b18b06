"""A graph of NIR as a row of layers, each a linear map and the neurons behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.read import DesignError, show
from spikeloom.importing.nir.files import requires

__all__ = ["Layer", "Neurons", "exactly", "layers"]

_CARRIED = "Input, Linear, Affine, LIF, IF and Output"


@dataclass(frozen=True)
class Neurons:
    """Neurons of one leak: v becomes keep v + gain X + rest, and 0 where it fires.

    Parameters
    ----------
    node : str
        Name of the node.
    kind : str
        ``"lif"`` or ``"if"``.
    keep : Fraction
        What is left of a membrane in a step.
    gain, rest, threshold : tuple of Fraction
        One a channel.
    """

    node: str
    kind: Literal["lif", "if"]
    keep: Fraction
    gain: tuple[Fraction, ...]
    rest: tuple[Fraction, ...]
    threshold: tuple[Fraction, ...]


@dataclass(frozen=True)
class Layer:
    """A linear map, and the neurons that take what it gives.

    Parameters
    ----------
    node : str
        Name of the node.
    weight : numpy.ndarray
        (outputs, inputs), float64.
    bias : tuple of Fraction
        One an output.
    neurons : Neurons or None
        None where the outputs leave the graph as numbers.
    """

    node: str
    weight: NDArray[np.float64]
    bias: tuple[Fraction, ...]
    neurons: Neurons | None


def exactly(value: Any) -> Fraction:
    """Return a number as the shortest decimal that its type tells from others.

    >>> exactly(np.float32(2e-4)), exactly(0.1)
    (Fraction(1, 5000), Fraction(1, 10))
    """
    return Fraction(str(value.item() if isinstance(value, np.integer) else value))


def layers(tree: Mapping[str, Any], dt: Fraction, file: str) -> tuple[tuple[Layer, ...], ...]:
    """Return the layers of a graph: for each of its inputs those on the way to an output.

    Parameters
    ----------
    tree : mapping
        The graph, as :func:`~spikeloom.importing.nir.files.read_tree` gives it.
    dt : Fraction
        Seconds of a time step.
    file : str
        The file, for messages.

    Raises
    ------
    DesignError
        Names the node that cannot be carried, and its type; or the edge that is not one of a row.
    """
    nodes = tree.get("nodes")
    if tree.get("type") != "NIRGraph" or not isinstance(nodes, Mapping):
        raise DesignError("node", show(tree.get("type")), "must be a NIRGraph", file)
    for name, node in nodes.items():
        kind = node.get("type") if isinstance(node, Mapping) else None
        if kind not in ("Input", "Output", *_READERS):
            raise _refused(name, show(kind), f"is not carried: {_CARRIED} are", file)
    rows = _rows(nodes, _edges(tree, file), file)
    made = _checked(tree, file)
    found = []
    for row in rows:
        read: list[Layer] = []
        for name in row:
            read = _READERS[str(nodes[name]["type"])](read, name, made.nodes[name], dt, file)
        if not read:
            raise DesignError("nodes", "", "must have a Linear or an Affine", file)
        found.append(tuple(read))
    return tuple(found)


def _refused(node: str, value: str, allowed: str, file: str) -> DesignError:
    return DesignError(f"node {show(node)}", value, allowed, file)


def _edges(tree: Mapping[str, Any], file: str) -> list[tuple[str, str]]:
    try:
        pairs = np.asarray(tree["edges"]).reshape(-1, 2).tolist()
    except (KeyError, ValueError):
        raise DesignError("edges", "", "must be pairs of names of nodes", file) from None
    return [(_text(a), _text(b)) for a, b in pairs]


def _text(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _rows(nodes: Mapping[str, Any], edges: Sequence[tuple[str, str]], file: str) -> list[list[str]]:
    """Return for each input the nodes between it and an output, one after the other."""
    after: dict[str, str] = {}
    before: dict[str, str] = {}
    for a, b in edges:
        edge = f"edge {show(a)} to {show(b)}"
        if a not in nodes or b not in nodes:
            raise DesignError(edge, "", "must join two nodes", file)
        if a in after or b in before:
            other = f"{show(a)} to {show(after[a])}" if a in after else f"{show(before[b])} to it"
            allowed = f"must be the only one there: {other} is another"
            raise DesignError(edge, "", allowed, file)
        after[a], before[b] = b, a
    rows = []
    for name, node in nodes.items():
        if node["type"] != "Input":
            continue
        row = [name]
        while row[-1] in after and after[row[-1]] not in row:
            row.append(after[row[-1]])
        rows.append(row)
    joined = {name for row in rows for name in row if nodes[row[-1]]["type"] == "Output"}
    for name in nodes:
        if name not in joined:
            raise _refused(name, "", "must stand between an Input and an Output", file)
    return [row[1:-1] for row in rows]


def _checked(tree: Mapping[str, Any], file: str) -> Any:
    """Make the graph of NIR's own package, which fills in what older files leave out."""
    try:
        import nir
    except ImportError:
        raise requires(file) from None
    try:
        return nir.dict2NIRNode({**tree, "type_check": False})
    # Whatever its checks raise, some without a word.
    except Exception as error:
        raise DesignError("node", "", f"must be a graph of NIR: {str(error)[:200]}", file) from None


def _linear(found: list[Layer], name: str, node: Any, dt: Fraction, file: str) -> list[Layer]:
    if found and found[-1].neurons is None:
        raise _refused(name, "", "must stand behind neurons or the Input", file)
    weight = np.asarray(node.weight)
    if weight.ndim != 2 or not weight.size or weight.dtype.kind not in "fiu":
        found_ = f"{weight.dtype} of shape {weight.shape}"
        raise _refused(name, found_, "weight: must be numbers, outputs x inputs", file)
    bias = (Fraction(0),) * len(weight)
    if hasattr(node, "bias"):
        bias = _numbers(name, "bias", node.bias, len(weight), file)
    return [*found, Layer(name, weight.astype(np.float64), bias, None)]


def _numbers(name: str, key: str, values: Any, count: int, file: str) -> tuple[Fraction, ...]:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu" or array.shape not in ((), (1,), (count,)):
        found = f"{array.dtype} of shape {array.shape}"
        raise _refused(name, found, f"{key}: must be {count} numbers", file)
    return tuple(exactly(value) for value in np.broadcast_to(array.reshape(-1), (count,)))


def _neurons(found: list[Layer], name: str, node: Any, dt: Fraction, file: str) -> list[Layer]:
    if not found or found[-1].neurons is not None:
        raise _refused(name, "", "must stand behind a Linear or an Affine", file)
    count = len(found[-1].weight)

    def each(key: str) -> tuple[Fraction, ...]:
        return _numbers(name, key, getattr(node, key), count, file)

    if any(each("v_reset")):
        raise _refused(name, "v_reset", "must be 0", file)
    for key in ("r", "v_threshold"):
        if min(each(key)) <= 0:
            raise _refused(name, f"{key} {float(min(each(key))):g}", "must be positive", file)
    keep, gain, rest = Fraction(1), tuple(dt * r for r in each("r")), (Fraction(0),) * count
    leaky = hasattr(node, "tau")
    if leaky:
        keep = _keep(name, each("tau"), dt, file)
        gain = tuple((1 - keep) * r for r in each("r"))
        rest = tuple((1 - keep) * v for v in each("v_leak"))
    neurons = Neurons(name, "lif" if leaky else "if", keep, gain, rest, each("v_threshold"))
    last = found[-1]
    return [*found[:-1], Layer(last.node, last.weight, last.bias, neurons)]


def _keep(name: str, taus: tuple[Fraction, ...], dt: Fraction, file: str) -> Fraction:
    if len(set(taus)) > 1:
        found = f"tau {float(min(taus)):g} to {float(max(taus)):g}"
        raise _refused(name, found, "must be the same in all channels", file)
    if taus[0] < dt:
        found = f"tau {float(taus[0]):g}"
        raise _refused(name, found, f"must be at least dt ({float(dt):g} s)", file)
    return 1 - dt / taus[0]


_READERS = {"Linear": _linear, "Affine": _linear, "LIF": _neurons, "IF": _neurons}
