"""Stages of a published network as network designs and integers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.weights import Weights
from spikeloom.importing.fold import BLOCK, ENCODER, Channel, Folded, fold, root_floor
from spikeloom.importing.forward import inputs_of
from spikeloom.importing.host import Operation, Program
from spikeloom.importing.imported import Options, Part
from spikeloom.importing.model import Block, Dense, Head, Norm, Reals, Stage
from spikeloom.importing.rows import narrowest, quantize, quantize_whole

__all__ = ["Seen", "part_of"]

FRACTION: Final = 4
"""F of every imported network: biases and thresholds are rounded in sixteenths of a weight."""

_WIDE: Final = 8
"""Bits of the weights of encoder and read-out, where they need so many."""

_SILENT: Final = 1e-3

_STREAM: Final = 16
"""Bits of the membranes that the host gives."""

_Array = NDArray[Any]
Moments = Mapping[str, NDArray[np.float64]]
"""Mean of x x^T over the inputs x of a layer, by the layer's name."""


class Seen:
    """What a stage sees of samples, gathered one by one: moments, and the greatest membrane.

    Parameters
    ----------
    stage : Stage
    calibrates : bool
        Whether moments are wanted.
    """

    def __init__(self, stage: Stage, *, calibrates: bool):
        self._stage = stage
        self._calibrates = calibrates
        self._moments: dict[str, NDArray[np.float64]] = {}
        self._count = 0
        self.spread = 0.0

    def add(self, x: _Array, layers: Mapping[str, _Array]) -> None:
        """Take in what the host's part and the layers give for a sample."""
        self.spread = max(self.spread, float(np.abs(x).max()))
        self._count += 1
        if not self._calibrates:
            return
        for n, block in enumerate(self._stage.blocks):
            for name in block.dense:
                # A moment of nine places has 81 times the entries: gigabytes at published sizes.
                if block.grid is not None and name not in ("expand", "contract"):
                    continue
                at = f"blocks.{n}.{name}"
                rows = inputs_of(name, layers, block, f"blocks.{n}").astype(np.float64)
                rows = rows.reshape(-1, rows.shape[-1])
                moment = rows.T @ rows / len(rows)
                self._moments[at] = self._moments.get(at, 0.0) + moment

    @property
    def moments(self) -> Moments:
        """The moments of the layers of blocks; a little of every channel is in them.

        That is for channels that are silent in the samples. Convolutions have none.
        """
        return {
            at: total / self._count + np.eye(len(total)) * _SILENT
            for at, total in self._moments.items()
        }


def part_of(
    stage: Stage, steps: int, options: Options, seen: Seen, given: _Array | None = None
) -> Part:
    """Return a stage as a network design with its integers.

    Parameters
    ----------
    stage : Stage
    steps : int
        T, the time steps.
    options : Options
    seen : Seen
        What the stage sees of samples.
    given : numpy.ndarray or None
        What 1 of the membranes is worth that the stage before gives, (D,), if it gives membranes.
    """
    moments = seen.moments
    weights: dict[str, _Array] = {}
    encoder: dict[str, Any] = {"kind": "none", "coding": "steps", "inputs": stage.dim}
    if stage.encoder is not None:
        encoder = {"coding": "steps", "inputs": stage.encoder.weight.shape[1]}
        weights |= _arrays("encoder", _fold(stage.encoder, _WIDE, ENCODER))
        encoder |= {"weight_bits": narrowest(weights["encoder.weight"]), "fraction": FRACTION}
    encoder |= {"bits": stage.most.bit_length(), "signed": False}
    unit, host = None, stage.host if given is None else _to_reals(stage.host, given)
    if stage.blocks[0].residual == "membrane":
        unit, stream = _stream(stage, options.bits, moments)
        shift = _shift(seen.spread / float(unit.min()))
        encoder |= {"bits": _STREAM, "signed": True, "fraction": shift}
        host = _to_integers(host, unit * 2**shift)
        weights |= stream
    for n, block in enumerate(stage.blocks):
        for name, dense in block.dense.items():
            at = f"blocks.{n}.{name}"
            if f"{at}.weight" not in weights:
                folded = _fold(dense, options.bits, BLOCK, moments.get(at))
                weights |= _arrays(at, folded) | _beside(at, dense, folded)
    summed = 1 if stage.head.steps == "last" else steps
    read, scale = _read_out(stage.head, summed, unit if stage.neurons == "none" else None)
    weights |= read
    bits = narrowest(read["readout.weight"])
    readout: dict[str, Any] = {"outputs": len(stage.head.weight), "weight_bits": bits}
    if unit is not None and stage.neurons != "tokens":
        readout["neurons"] = stage.neurons
    if stage.head.steps == "last":
        readout["steps"] = "last"
    design = {
        "kind": "network",
        "name": stage.name,
        "tokens": stage.tokens,
        "dim": stage.dim,
        "steps": steps,
        "fraction": FRACTION,
        "weights": "weights.npz",
        "digest": Weights("", weights).digest,
        "encoder": encoder,
        "blocks": [_block(block, options.bits) for block in stage.blocks],
        "readout": readout,
    }
    return Part(stage.name, design, weights, host, unit, scale)


def _block(block: Block, bits: int) -> dict[str, Any]:
    attention = dict(block.attention.section)
    if block.attention.kind != "attention":
        attention = {"kind": block.attention.kind, **attention}
    hidden = len(block.dense["expand"].weight)
    keys: dict[str, Any] = {"residual": block.residual, "weight_bits": bits, "hidden": hidden}
    if block.grid is not None:
        keys["grid"] = block.grid
    if block.dense["expand"].beside is not None:
        keys["mlp_position"] = "absolute"
    return {**keys, "attention": attention}


def _fold(
    dense: Dense, bits: int, limits: Any, moment: NDArray[np.float64] | None = None
) -> Folded:
    return fold(
        dense.weight,
        dense.bias,
        dense.norm,
        threshold=dense.threshold,
        bits=bits,
        fraction=FRACTION,
        limits=limits,
        moment=moment,
    )


def _arrays(at: str, folded: Folded) -> dict[str, _Array]:
    found = {"weight": folded.weight, "bias": folded.bias, "threshold": folded.threshold}
    return {f"{at}.{name}": array for name, array in found.items()}


def _beside(at: str, dense: Dense, folded: Folded) -> dict[str, _Array]:
    """Return the table of what is added at each step and token, to the nearest integers."""
    if dense.beside is None:
        return {}
    table = np.rint(dense.beside.astype(np.float64) / folded.step)
    return {f"{at}.position": table.astype(np.int64)}


def _read_out(head: Head, steps: int, unit: _Array | None) -> tuple[dict[str, _Array], float]:
    """Return the arrays of the read-out, and what 1 of its numbers is worth.

    Sums over steps and tokens stand for the mean, so a bias counts once a step.
    """
    real = head.weight.astype(np.float64)
    if unit is not None:
        real = real * unit
    weight, scale = quantize_whole(real, _WIDE)
    bias = np.zeros(len(weight), dtype=np.int64)
    if head.bias is not None:
        bias = np.rint(head.bias.astype(np.float64) * steps / scale).astype(np.int64)
    return {"readout.weight": weight[None], "readout.bias": bias}, scale


def _stream(stage: Stage, bits: int, moments: Moments) -> tuple[_Array, dict[str, _Array]]:
    """Return what 1 of a membrane is worth, (D,), and the arrays of what adds up to it.

    Everything that is added to a channel has the same unit, so the rows of all layers that add to
    it have the same scale.
    """
    layers = list(_adding(stage.blocks))
    real = [dense.weight.astype(np.float64) * _gain(dense.norm)[:, None] for _, dense in layers]
    moment = None
    if all(at in moments for at, _ in layers):
        parts = [moments[at] for at, _ in layers]
        moment = np.zeros((sum(map(len, parts)),) * 2)
        first = 0
        for own in parts:
            moment[first : first + len(own), first : first + len(own)] = own
            first += len(own)
    integers, scale = quantize(np.concatenate(real, axis=1), bits, moment)
    unit = scale / 2**FRACTION
    found: dict[str, _Array] = {}
    ends = np.cumsum([row.shape[1] for row in real])[:-1]
    for (at, dense), weight in zip(layers, np.split(integers, ends, axis=1), strict=True):
        found[f"{at}.weight"] = weight
        found[f"{at}.bias"] = np.array(
            [_offset(dense, row, Fraction(float(unit[row]))) for row in range(len(unit))]
        )
    fires = np.array([-(-2 // Fraction(float(one))) for one in unit], dtype=np.int64)
    names = [f"blocks.{n}.{name}" for n in range(len(stage.blocks)) for name in ("input", "mlp")]
    names += ["readout"] if stage.neurons != "none" else []
    return unit, found | {f"{name}.threshold": fires for name in names}


def _adding(blocks: Sequence[Block]) -> Iterator[tuple[str, Dense]]:
    """Give the layers whose drives add up, and their names."""
    for n, block in enumerate(blocks):
        for name in ("project", "contract"):
            yield f"blocks.{n}.{name}", block.dense[name]


def _gain(norm: Norm | None) -> Any:
    return np.ones(1) if norm is None else norm.affine[0]


def _offset(dense: Dense, row: int, unit: Fraction) -> int:
    """Return the bias of a row in units of the membrane, to the nearest."""
    channel = Channel.of(dense.norm, dense.bias, row)
    along = -channel.gain * channel.mean / channel.var / unit
    return root_floor(channel.offset / unit + Fraction(1, 2), along, channel.var)


def _shift(spread: float) -> int:
    """Return the fewest places that membranes are cut by, so that the host's fit their bits."""
    most = (1 << _STREAM - 1) - 1
    return next((shift for shift in range(8) if spread * 1.5 <= most << shift), 8)


def _to_reals(host: Program, unit: _Array) -> Program:
    """Return a host part that takes the integers of membranes in place of real ones."""
    first = Operation("times", "real", ("data",), ("given",))
    rest = (
        replace(step, inputs=tuple("real" if name == "data" else name for name in step.inputs))
        for step in host.operations
    )
    weights = {**host.weights, "given": unit.astype(np.float32)}
    return Program((first, *rest), weights)


def _to_integers(host: Program, unit: Reals | _Array) -> Program:
    last = Operation("integers", "x", ("x",), ("unit",), {"bits": _STREAM})
    return replace(
        host, operations=(*host.operations, last), weights={**host.weights, "unit": unit}
    )
