"""Arrays and keys of the neutral form, and the layers that they make."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.design import NetworkDesign
from spikeloom.design.network.sections import DENSE
from spikeloom.design.read import DesignError, read_number, show
from spikeloom.importing.checkpoint import Checkpoint
from spikeloom.importing.config import Config
from spikeloom.importing.fold import BLOCK, ENCODER, Folded, Limits, fold
from spikeloom.importing.imported import Fate, Options
from spikeloom.importing.model import Norm, Reals
from spikeloom.importing.rows import WIDTHS, largest, quantize_whole

__all__ = ["Layer", "Source"]

_Array = NDArray[Any]

_LAYER = re.compile(rf"encoder|readout|blocks\.\d+\.(?:{'|'.join(DENSE)})")
_NORM = ("weight", "bias", "running_mean", "running_var")
_PARTS = (
    *("weight", "bias", "gain", "offset", "threshold"),
    *(f"bn.{name}" for name in _NORM),
    "bn.num_batches_tracked",
)
_EPS = 1e-5


@dataclass(frozen=True)
class Layer:
    """A linear layer in front of neurons, in real numbers and in integers.

    Parameters
    ----------
    weight : numpy.ndarray
        (outputs, inputs).
    bias : numpy.ndarray or None
        (outputs,).
    norm : Norm or None
        What is behind them.
    threshold : float
        Of the neurons.
    folded : Folded
        The same in integers.
    """

    weight: Reals
    bias: Reals | None
    norm: Norm | None
    threshold: float
    folded: Folded

    def drive(self, x: _Array) -> _Array:
        """Return what the neurons are given for x (..., inputs), in float64."""
        drive: _Array = x.astype(np.float64) @ self.weight.T.astype(np.float64)
        if self.bias is not None:
            drive = drive + self.bias
        if self.norm is None:
            return drive
        weight, bias, mean, var = (
            part.astype(np.float64)
            for part in (self.norm.weight, self.norm.bias, self.norm.mean, self.norm.var)
        )
        normed: _Array = (drive - mean) / np.sqrt(var + self.norm.eps) * weight + bias
        return normed


class Source:
    """What a checkpoint and a design file without weights say.

    Parameters
    ----------
    checkpoint : Checkpoint
        Float arrays under a network's own names.
    config : Config
        The design file.
    options : Options
        What the user chose.
    """

    def __init__(self, checkpoint: Checkpoint, config: Config, options: Options):
        self.guesses: list[str] = []
        self._file, self._tensors, self._config = checkpoint.file, checkpoint.tensors, config
        if not config.file:
            allowed = "needs -c: a network's design file without weights"
            raise DesignError("", "", allowed, checkpoint.file)
        self.keys = _nested(config.values)
        self._eps = self._number("eps", _EPS, any(".bn." in name for name in self._tensors))
        for key in ("eps", "weights", "digest"):
            self.keys.pop(key, None)
        self.keys = {"kind": "network", "name": options.name, **self.keys}
        blocks = self.keys.get("blocks")
        self._blocks: list[dict[str, Any]] = []
        if isinstance(blocks, list) and all(isinstance(block, dict) for block in blocks):
            self._blocks = [{"weight_bits": options.bits, **block} for block in blocks]
            self.keys["blocks"] = self._blocks
        for n, block in enumerate(self._blocks):
            if block.get("residual") == "membrane":
                allowed = "must be or, iand, xor or add in the neutral form"
                raise DesignError(f"blocks.{n}.residual", "'membrane'", allowed, config.file)
            for key in ("grid", "mlp_position"):
                if block.get(key) not in (None, "none"):
                    allowed = "must be left out in the neutral form"
                    raise DesignError(f"blocks.{n}.{key}", show(block[key]), allowed, config.file)
        readout = self.keys.get("readout")
        if isinstance(readout, dict) and readout.get("steps", "all") != "all":
            allowed = "must be all in the neutral form"
            raise DesignError("readout.steps", show(readout["steps"]), allowed, config.file)
        self._check_names()
        self.notes = list(checkpoint.notes)
        if "float64" in checkpoint.types.values():
            self.notes.append("Arrays of float64 are taken as float32.")
        if not any(name.endswith(".threshold") for name in self._tensors):
            self.guesses.append("threshold = 1: no layer has an array threshold")

    def fold(self, moments: Mapping[str, _Array]) -> Iterator[tuple[str, Layer]]:
        """Give the layers in front of neurons, by their names.

        ``moments``: mean of x x^T over the inputs x of a layer, where scales are to suit them.
        """
        fraction = self._count(self.keys, "fraction", 4)
        for at in self._layers():
            if at == "encoder":
                encoder = self._section("encoder")
                bits, own = self._bits(encoder, 8), self._count(encoder, "fraction", 0)
                yield at, self._fold(at, bits, own, ENCODER)
            elif at != "readout":
                n = int(at.split(".")[1])
                block = self._blocks[n] if n < len(self._blocks) else {}
                yield at, self._fold(at, self._bits(block, 8), fraction, BLOCK, moments.get(at))

    def position(self, layer: Layer) -> dict[str, _Array]:
        """Return the table of positions in integers, and say its shift in the design's keys."""
        name = "encoder.position"
        if name not in self._tensors:
            return {}
        encoder = self._section("encoder")
        dim = len(layer.weight)
        table = self._array(name, (None, dim)).astype(np.float64)
        # What 1 of a sum is worth: biases may have fraction bits, sums have none.
        step = layer.folded.unit * 2 ** self._count(encoder, "fraction", 0)
        most = largest(self._bits(encoder, 8))
        needed = float(np.abs(table / step).max()) / (most + 0.5)
        shift = next((n for n in range(8) if needed <= 1 << n), None)
        if shift is None:
            allowed = (
                f"must be at most {most << 7} times what 1 of a row's weights is worth: "
                "greater weights, or fewer bits of them, make room"
            )
            raise DesignError(f"tensor {name}", "", allowed, self._file)
        self.keys["encoder"] = {"position": "absolute", **encoder, "position_shift": shift}
        found: _Array = np.rint(table / step / 2**shift).clip(-most, most).astype(np.int64)
        return {name: found}

    def table(self, position: str) -> _Array | float:
        """Return the table of positions as it is, (N, D), or nothing to be added."""
        name = "encoder.position"
        return self._tensors[name].astype(np.float64) if position == "absolute" else 0.0

    def read_out(self) -> tuple[dict[str, _Array], float]:
        """Return the arrays of the read-out, and what 1 of its numbers is worth."""
        weight, bias = self.readout()
        readout = self._section("readout")
        integers, scale = quantize_whole(weight, self._bits(readout, 8))
        steps = self._count(self.keys, "steps", 1)
        # Sums over steps and tokens stand for the mean, and the bias counts once a token.
        once = np.rint(bias * steps / scale).astype(np.int64)
        return {"readout.weight": integers, "readout.bias": once}, scale

    def readout(self) -> tuple[_Array, _Array]:
        """Return weights (G, O, D) and bias (O,) of the read-out, as they are."""
        name = "readout.weight"
        if name not in self._tensors:
            raise DesignError(f"tensor {name}", "", "is missing", self._file)
        weight = self._tensors[name].astype(np.float64)
        if weight.ndim == 2:
            weight = weight[None]
        if weight.ndim != 3:
            shape = str(self._tensors[name].shape)
            raise DesignError(f"tensor {name}", shape, "must be (O, D) or (G, O, D)", self._file)
        bias = np.zeros(weight.shape[1])
        if "readout.bias" in self._tensors:
            bias = self._array("readout.bias", bias.shape).astype(np.float64)
        return weight, bias

    def design(self, weights: Mapping[str, _Array]) -> NetworkDesign:
        """Return the design with its integers."""
        try:
            return NetworkDesign.from_dict({**self.keys, "weights": weights})
        except DesignError as error:
            raise DesignError(error.key, error.value, error.allowed, self._config.file) from None

    def fates(self) -> Iterator[Fate]:
        """Say what became of every tensor."""
        for name in self._tensors:
            at = _LAYER.match(name)
            assert at is not None
            if name.endswith("num_batches_tracked"):
                yield Fate(name, "left: counts the batches of training")
            elif name == "encoder.position":
                yield Fate(name, "rounded to encoder.position")
            else:
                yield Fate(name, f"folded into {at[0]}")

    def _layers(self) -> list[str]:
        return list(dict.fromkeys(at[0] for name in self._tensors if (at := _LAYER.match(name))))

    def _check_names(self) -> None:
        known = {f"{at}.{part}" for at in self._layers() for part in _PARTS}
        known.add("encoder.position")
        known -= {f"readout.{part}" for part in _PARTS if part not in ("weight", "bias")}
        for name in self._tensors:
            if name not in known:
                near = get_close_matches(name, known, 1, 0.0)
                allowed = "is no array of the neutral form" + "".join(
                    f": did you mean {meant}?" for meant in near
                )
                raise DesignError(f"tensor {name}", "", allowed, self._file)

    def _fold(
        self,
        at: str,
        bits: int,
        fraction: int,
        limits: Limits,
        moment: _Array | None = None,
    ) -> Layer:
        name = f"{at}.weight"
        if name not in self._tensors:
            raise DesignError(f"tensor {name}", "", "is missing", self._file)
        weight = self._tensors[name].astype(np.float32)
        while weight.ndim > 2 and weight.shape[-1] == 1:
            weight = weight[..., 0]
        if weight.ndim != 2:
            shape = str(self._tensors[name].shape)
            raise DesignError(f"tensor {name}", shape, "must be (outputs, inputs)", self._file)
        rows = (len(weight),)
        bias = None
        if f"{at}.bias" in self._tensors:
            bias = self._array(f"{at}.bias", rows)
        norm = self._norm(at, rows)
        threshold = 1.0
        if f"{at}.threshold" in self._tensors:
            threshold = float(self._array(f"{at}.threshold", ()))
            if threshold <= 0:
                found = f"{threshold:g}"
                raise DesignError(f"tensor {at}.threshold", found, "must be positive", self._file)
        # Folding is told the threshold of a neuron of tau 2, which fires at twice it.
        reach = threshold * float(self._lift()) / 2
        folded = fold(
            weight,
            bias,
            norm,
            threshold=reach,
            bits=bits,
            fraction=fraction,
            limits=limits,
            moment=moment,
        )
        return Layer(weight, bias, norm, threshold, folded)

    def _norm(self, at: str, rows: tuple[int, ...]) -> Norm | None:
        """Return the normalisation of a layer, or a gain and an offset as one."""
        ends = {part: f"{at}.{part}" for part in (*_PARTS, "bn") if f"{at}.{part}" in self._tensors}
        if any(part.startswith("bn.") for part in ends):
            weight, bias, mean, var = (self._needed(f"{at}.bn.{part}", rows) for part in _NORM)
            if float(var.min()) < 0:
                found = f"{float(var.min()):g}"
                key = f"tensor {at}.bn.running_var"
                raise DesignError(key, found, "must not be negative", self._file)
            if "gain" in ends or "offset" in ends:
                raise DesignError(f"tensor {at}.gain", "", "must not stand beside bn", self._file)
            return Norm(weight, bias, mean, var, self._eps)
        if "gain" not in ends and "offset" not in ends:
            return None
        zeros, ones = np.zeros(rows, np.float32), np.ones(rows, np.float32)
        gain = self._array(ends["gain"], rows) if "gain" in ends else ones
        offset = self._array(ends["offset"], rows) if "offset" in ends else zeros
        return Norm(gain, offset, zeros, ones, 0.0)

    def _needed(self, name: str, shape: tuple[int | None, ...]) -> Reals:
        if name not in self._tensors:
            raise DesignError(f"tensor {name}", "", "is missing", self._file)
        return self._array(name, shape)

    def _array(self, name: str, shape: tuple[int | None, ...]) -> Reals:
        array = self._tensors[name].astype(np.float32)
        if shape == () and array.shape == (1,):
            array = array.reshape(())
        pairs = zip(array.shape, shape, strict=False)
        if array.ndim != len(shape) or any(want not in (None, have) for have, want in pairs):
            wanted = ", ".join("any" if side is None else str(side) for side in shape)
            allowed = f"must be of shape ({wanted})"
            raise DesignError(f"tensor {name}", str(array.shape), allowed, self._file)
        return array

    def _lift(self) -> Fraction:
        """Return what a threshold is multiplied by: an input that decays counts 1 / tau."""
        if self.keys.get("neuron", "lif") != "lif" or "decay" in self.keys:
            return Fraction(1)
        try:
            return read_number(self.keys.get("tau", 2))
        except ValueError:
            # The design says what is wrong with it.
            return Fraction(2)

    def _number(self, key: str, default: float, needed: bool) -> float:
        value = self.keys.get(key)
        if value is None:
            if needed:
                self.guesses.append(f"{key} = {default:g}: the design file does not say it")
            return default
        try:
            number = float(read_number(value))
        except ValueError:
            number = -1.0
        if not 0 <= number <= 1:
            allowed = "must be a number from 0 to 1"
            raise DesignError(key, show(value), allowed, self._config.file)
        return number

    def _section(self, name: str) -> dict[str, Any]:
        section = self.keys.get(name)
        return section if isinstance(section, dict) else {}

    # What follows is right where the design is; it is checked with its integers in place.

    def _bits(self, section: Mapping[str, Any], default: int) -> int:
        bits = section.get("weight_bits", default)
        return bits if bits in WIDTHS else default

    def _count(self, section: Mapping[str, Any], key: str, default: int) -> int:
        value = section.get(key, default)
        return value if type(value) is int and 0 <= value <= 64 else default


def _nested(values: Mapping[str, object]) -> dict[str, Any]:
    """Return flat keys as tables within tables."""
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *tables, last = key.split(".")
        inner = tree
        for table in tables:
            inner = inner.setdefault(table, {})
        inner[last] = value
    return tree
