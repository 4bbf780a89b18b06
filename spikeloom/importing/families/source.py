"""A checkpoint and its configuration as families read them; every guess is said."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.read import DesignError, read_number, show
from spikeloom.importing.checkpoint import Checkpoint
from spikeloom.importing.config import Config
from spikeloom.importing.imported import Fate, Options
from spikeloom.importing.model import Dense, Norm, Reals

__all__ = ["Source", "softened"]

_COUNTED = "left: counts the batches of training"


class Source:
    """What a family reads.

    Parameters
    ----------
    checkpoint : Checkpoint
    config : Config
    options : Options
    names : mapping
        Names of tensors in the checkpoint by the family's own.
    """

    def __init__(
        self, checkpoint: Checkpoint, config: Config, options: Options, names: Mapping[str, str]
    ):
        self.file = checkpoint.file
        self._config = config
        args = checkpoint.extra.get("args")
        self._args = args if isinstance(args, Mapping) else {}
        self.options = options
        self.guesses: list[str] = []
        self.notes: list[str] = list(checkpoint.notes)
        self.left: dict[str, str] = {}
        self._tensors = checkpoint.tensors
        self.names = names
        self._fates: dict[str, Fate] = {}

    def find(self, *names: str) -> tuple[str, object] | None:
        """Return key and value of the first of these names that the configuration has.

        What it does not have may stand in the arguments of the training, beside the tensors; their
        keys begin with ``args.``. No value is none.
        """
        for place, values in (("", self._config.values), ("args.", self._args)):
            for name in names:
                if values.get(name) is not None:
                    return f"{place}{name}", values[name]
        return None

    def has(self, name: str) -> bool:
        """Whether there is a tensor."""
        return name in self.names

    def shape(self, name: str, axes: int | None = None) -> tuple[int, ...]:
        """Return the shape of a tensor, which must have so many axes."""
        shape = self._tensors[self.names[name]].shape
        if axes is not None and len(shape) != axes:
            kind = {1: "a row", 2: "a matrix"}.get(axes, f"of {axes} axes")
            raise self.refuse(name, f"must be {kind}")
        return shape

    def refuse(self, name: str, allowed: str) -> DesignError:
        """Return the refusal of a tensor for its shape."""
        found = "x".join(map(str, self.shape(name))) or "one number"
        return DesignError(f"tensor {self.names[name]}", found, allowed, self.file)

    def take(
        self, name: str, became: str, shape: tuple[int | None, ...] | None = None, why: str = ""
    ) -> Reals:
        """Return a tensor as float32, and remember what became of it.

        ``shape`` is what it must be, None for a side that may have any length.
        """
        array = self._tensors[self.names[name]]
        if shape is not None:
            fits = len(shape) == array.ndim and all(
                want in (None, side) for want, side in zip(shape, array.shape, strict=True)
            )
            if not fits:
                wanted = "x".join("any" if side is None else str(side) for side in shape)
                raise self.refuse(name, f"must be of shape {wanted or 'one number'}")
        self.say(name, became, why)
        return np.asarray(array, dtype=np.float32)

    def say(self, name: str, became: str, why: str = "") -> None:
        """Remember what became of a tensor; of one that serves several times, all of it."""
        actual = self.names[name]
        before = self._fates.get(actual)
        if before is not None and became not in before.became:
            became = f"{before.became}; {became}"
        self._fates[actual] = Fate(actual, became, why)

    def matrix(self, name: str, became: str, rows: int | None, inputs: int | None) -> Reals:
        """Return a matrix; kernels of one place have dimensions of 1 behind, which go."""
        shape = self.shape(name)
        ones = len(shape) - 2
        if ones < 0 or shape[2:] != (1,) * ones:
            raise self.refuse(name, "must be a matrix, or the kernel of one place")
        found = self.take(name, became, (rows, inputs, *(1,) * ones))
        return found.reshape(found.shape[:2])

    def norm(self, base: str, became: str, channels: int, eps: float) -> Norm:
        """Return a batch normalisation."""
        if self.has(f"{base}.num_batches_tracked"):
            self.say(f"{base}.num_batches_tracked", _COUNTED)
        weight, bias, mean, var = (
            self.take(f"{base}.{name}", became, (channels,))
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        if float(var.min()) < 0:
            found = f"{float(var.min()):g}"
            key = f"tensor {self.names[f'{base}.running_var']}"
            raise DesignError(key, found, "must not be negative: it is a variance", self.file)
        return Norm(weight, bias, mean, var, eps)

    def dense(
        self,
        layer: str,
        linear: str,
        norm: str | None,
        rows: int | None,
        inputs: int | None,
        *,
        eps: float = 1e-5,
        threshold: float = 1.0,
    ) -> Dense:
        """Return a linear layer with its normalisation."""
        became = f"folded into {layer}"
        weight = self.matrix(f"{linear}.weight", became, rows, inputs)
        bias = None
        if self.has(f"{linear}.bias"):
            bias = self.take(f"{linear}.bias", became, (len(weight),))
        normed = None if norm is None else self.norm(norm, became, len(weight), eps)
        return Dense(weight, bias, normed, threshold)

    def number(self, what: str, names: tuple[str, ...], default: float, low: float) -> float:
        """Return a number of the configuration, of at least ``low``, or guess and say so."""
        found = self.find(*names)
        if found is None:
            guess = f"{what} = {default:g}: {names[0]} is not in the configuration"
            if guess not in self.guesses:
                self.guesses.append(guess)
            return default
        key, value = found
        try:
            number = float(read_number(value))
        except ValueError:
            number = low - 1
        if not low <= number <= 1e6:
            raise self.contradiction(key, value, f"must be a number from {low:g}")
        return number

    def count(self, what: str, names: tuple[str, ...], default: int) -> int:
        """Return a whole number of the configuration, of at least 1, or guess."""
        found = self.find(*names)
        number = self.number(what, names, default, 1)
        if number != int(number) and found is not None:
            raise self.contradiction(*found, "must be a whole number")
        return int(number)

    def word(self, names: tuple[str, ...]) -> str | None:
        """Return a word of the configuration, if it is there."""
        found = self.find(*names)
        return None if found is None else str(found[1])

    def agree(self, what: str, names: tuple[str, ...], found: float) -> None:
        """Refuse a configuration that contradicts the tensors."""
        said = self.find(*names)
        if said is None or isinstance(said[1], (list, tuple)):
            return
        try:
            number: Any = read_number(said[1])
        except ValueError:
            number = None
        if number != Fraction(found):
            allowed = f"must be {found:g}, {what} of the checkpoint"
            raise self.contradiction(*said, allowed)

    def contradiction(self, key: str, value: object, allowed: str) -> DesignError:
        """Return the refusal of a value that :meth:`find` gave."""
        file = self.file if key.startswith("args.") else self._config.file
        return DesignError(key, show(value), allowed, file)

    def fates(self, dead: Mapping[str, str]) -> tuple[Fate, ...]:
        """Return what became of every tensor, in the order of the checkpoint."""
        own = {actual: name for name, actual in self.names.items()}
        found = []
        for actual in self._tensors:
            if actual in self._fates:
                found.append(self._fates[actual])
            else:
                found.append(Fate(actual, "left", dead.get(own.get(actual, ""), "not used")))
        return tuple(found)


def softened(tensor: NDArray[Any]) -> float:
    """Return the logistic function of the one number of a tensor, in float32."""
    return float(np.float32(1) / (np.float32(1) + np.exp(-np.float32(tensor.ravel()[0]))))
