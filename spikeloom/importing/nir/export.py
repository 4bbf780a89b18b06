"""Projections and layers of networks as graphs of NIR."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, lcm
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.base import Design
from spikeloom.design.network import NetworkDesign
from spikeloom.design.network.sections import DENSE
from spikeloom.design.projection import ProjectionDesign
from spikeloom.design.read import DesignError, show
from spikeloom.files import check_writable, replacing
from spikeloom.importing.nir.files import requires
from spikeloom.importing.nir.load import DT

__all__ = ["export_graph"]


@dataclass(frozen=True)
class _Chain:
    """Integers of one linear map, and the neurons behind it.

    ``a = leak a + W x + bias`` fires from the least membrane on that reaches ``threshold``, or is
    ``above`` it; without neurons there is no threshold.
    """

    name: str
    weight: NDArray[np.int64]
    bias: tuple[Fraction, ...]
    threshold: tuple[Fraction, ...] | None
    leak: Fraction
    steps: int
    above: bool = False

    @property
    def grid(self) -> int:
        """What membranes are fractions of, in all steps."""
        drives = lcm(*(bias.denominator for bias in self.bias))
        return int(drives * self.leak.denominator ** (self.steps - 1))

    @property
    def least(self) -> tuple[Fraction, ...]:
        """The least membranes that fire."""
        reals = [threshold * self.grid for threshold in self.threshold or ()]
        found = [floor(real) + 1 if self.above else ceil(real) for real in reals]
        return tuple(Fraction(count, self.grid) for count in found)


def export_graph(design: Design, path: Path, wanted: Sequence[str] | None) -> list[str]:
    """Write a graph, and return the names of its nodes.

    Neurons of NIR fire above their threshold and ours at it: thresholds are a little lower, so that
    no membrane of T steps lies on one, and both ways give the same spikes.

    Parameters
    ----------
    design : Design
        Of kind ``projection`` or ``network``.
    path : Path
        The file.
    wanted : sequence of str or None
        Layers of a network; None takes all that it has.

    Raises
    ------
    DesignError
        NIR has no node for something; names the layer.
    InputError
        The file cannot be written.
    """
    try:
        import nir
    except ImportError:
        raise requires(str(path)) from None
    chains = list(_chains(design, wanted))
    check_writable(path)
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    for chain in chains:
        made = _nodes(nir, chain)
        nodes |= made
        edges += zip(list(made)[:-1], list(made)[1:], strict=True)
    graph = nir.NIRGraph(nodes=nodes, edges=edges)
    with replacing(path) as fresh:
        nir.write(fresh, graph)
    return list(nodes)


def _nodes(nir: Any, chain: _Chain) -> dict[str, Any]:
    outputs, inputs = chain.weight.shape
    at = f"{chain.name}." if chain.name else ""
    weight, bias = chain.weight.astype(np.float64), np.array([float(b) for b in chain.bias])
    nodes = {
        f"{at}input": nir.Input(input_type={"input": np.array([inputs])}),
        f"{at}linear": nir.Affine(weight=weight, bias=bias),
    }
    if chain.threshold is not None:
        nodes[f"{at}neurons"] = _neurons(nir, chain)
    nodes[f"{at}output"] = nir.Output(output_type={"output": np.array([outputs])})
    return nodes


def _neurons(nir: Any, chain: _Chain) -> Any:
    """Return neurons that have v = (1 - leak) a, or v = a without a leak."""
    below = Fraction(1, 2 * chain.grid)
    part = 1 - chain.leak if chain.leak < 1 else Fraction(1)
    fires = np.array([float((least - below) * part) for least in chain.least])
    count = len(fires)
    if chain.leak == 1:
        return nir.IF(r=np.full(count, float(1 / DT)), v_threshold=fires)
    tau = np.full(count, float(DT / (1 - chain.leak)))
    return nir.LIF(tau=tau, r=np.ones(count), v_leak=np.zeros(count), v_threshold=fires)


def _chains(design: Design, wanted: Sequence[str] | None) -> Iterator[_Chain]:
    if isinstance(design, ProjectionDesign):
        if wanted is not None:
            raise DesignError("--layers", "", "must be left out: a projection is one layer")
        yield _projection(design)
    elif isinstance(design, NetworkDesign):
        yield from _network(design, wanted)
    else:
        allowed = "must be projection or network: NIR has nodes for linear layers and neurons"
        raise DesignError("kind", show(design.kind), allowed)


def _projection(design: ProjectionDesign) -> _Chain:
    if design.cpg.mode != "none":
        raise DesignError("cpg.mode", show(design.cpg.mode), "must be none: NIR has no positions")
    bias = tuple(Fraction(b) for b in design.biases)
    weight = np.array(design.weight_rows, dtype=np.int64)
    if design.neuron == "none":
        return _Chain("", weight, bias, None, Fraction(1), design.steps)
    if design.reset == "soft":
        raise DesignError("reset", show("soft"), "must be hard: neurons of NIR are set to v_reset")
    given = design.channel_thresholds
    thresholds = design.thresholds_exact * design.dim if given is None else map(Fraction, given)
    above = design.fires == "above"
    return _Chain("", weight, bias, tuple(thresholds), design.leak, design.steps, above)


def _network(design: NetworkDesign, wanted: Sequence[str] | None) -> Iterator[_Chain]:
    there = [f"blocks.{n}.{name}" for n in range(design.depth) for name in DENSE]
    there = [name for name in there if f"{name}.threshold" in design.weights]
    if wanted is None:
        allowed = (
            "NIR has no product of two activations: --layers takes what it has nodes for, "
            f"{there[0]} to {there[-1]}"
        )
        raise DesignError("blocks.0.attention", "", allowed)
    for name in wanted:
        if name not in there:
            reason = _REASONS.get(name, f"must be one of {', '.join(there[:6])}, ...")
            raise DesignError("--layers", show(name), reason)
        _check_layer(design, name)
        unit = 1 << design.fraction
        bias, threshold = (
            tuple(Fraction(int(value), unit) for value in design.weights[f"{name}.{part}"])
            for part in ("bias", "threshold")
        )
        weight = design.weights[f"{name}.weight"]
        yield _Chain(name, weight, bias, threshold, Fraction(1, 2), design.steps)


def _check_layer(design: NetworkDesign, name: str) -> None:
    """Refuse layers that see more than one token, or have a bias a token."""
    _, n, layer = name.split(".")
    block, at = design.blocks[int(n)], f"blocks.{n}"
    if block.grid is not None and layer not in ("expand", "contract"):
        allowed = f"must be left out: graphs have no pictures, and {name} sees nine tokens"
        raise DesignError(f"{at}.grid", show(block.grid), allowed)
    if f"{name}.position" in design.weights:
        allowed = f"must be none: NIR has no positions, and {name} has a table"
        raise DesignError(f"{at}.mlp_position", show(block.mlp_position), allowed)


_REASONS = {
    "encoder": "is not carried: NIR has no table of positions, and inputs of its graphs are spikes",
    "readout": "is not carried: NIR has no sum over tokens and steps",
}
