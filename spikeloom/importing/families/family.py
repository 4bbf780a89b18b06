"""What families have in common: from a published model to integers and a report."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.design import NetworkDesign
from spikeloom.design.read import DesignError, show
from spikeloom.errors import words
from spikeloom.importing.checkpoint import Checkpoint
from spikeloom.importing.compare import Comparison, draw, real_pass, whole_pass
from spikeloom.importing.config import Config
from spikeloom.importing.convert import Seen, part_of
from spikeloom.importing.families.names import Names
from spikeloom.importing.families.source import Source
from spikeloom.importing.fit import Fit
from spikeloom.importing.imported import Imported, Options, Part
from spikeloom.importing.model import PublishedModel
from spikeloom.importing.report import Report

__all__ = ["Family", "Found"]

# What a network design can say, at most.
_MOST: Final = 1024
_MOST_TOKENS: Final = 4096
_MOST_STEPS: Final = 16
_MOST_BLOCKS: Final = 16


class Family(ABC):
    """One published model, known by the names of its tensors.

    Attributes
    ----------
    title : str
        Whose model it is, for people.
    anchor : str
        A tensor that every checkpoint of the family has; what stands in front of it is a prefix.
    """

    title: str
    anchor: str

    @abstractmethod
    def names(self, given: Iterable[str]) -> Names:
        """Return the tensors of a model with as many blocks as the given names have."""

    @abstractmethod
    def read(self, source: Source) -> PublishedModel:
        """Return the model that a checkpoint holds; :exc:`DesignError` where it cannot be one."""


@dataclass(frozen=True)
class Found:
    """A family that a checkpoint was recognised as.

    Parameters
    ----------
    family : Family
    names : mapping
        Names of tensors in the checkpoint by the family's own.
    """

    family: Family
    names: Mapping[str, str]

    @property
    def title(self) -> str:
        """Whose model it is."""
        return self.family.title

    def convert(self, checkpoint: Checkpoint, config: Config, options: Options) -> Imported:
        """Return the networks of a checkpoint in integers, and the report on them.

        Raises
        ------
        DesignError
            Tensors contradict each other, the configuration or the data, or are beyond what a
            network design can say.
        """
        # Weights may be as large as float32 has them, and sums then larger.
        with np.errstate(over="ignore", invalid="ignore"):
            return self._convert(checkpoint, config, options)

    def _convert(self, checkpoint: Checkpoint, config: Config, options: Options) -> Imported:
        source = Source(checkpoint, config, options, self.names)
        source.agree("tau of all neurons", ("network.tau", "tau"), 2)
        model = self.family.read(source)
        _check_sizes(model, checkpoint.file)
        data = _data(model, options)
        try:
            parts = _parts(model, options, data)
        except DesignError:
            raise
        except ValueError as error:
            allowed = f"must fit together, and do not: {words(error)}"
            raise DesignError("tensors", "", allowed, checkpoint.file) from None
        designs = [NetworkDesign.from_dict({**p.design, "weights": p.weights}) for p in parts]
        compared = Comparison(parts)
        for sample in data:
            compared.add(real_pass(model, sample), whole_pass(parts, designs, sample))
        labels = options.labels
        report = Report(
            family=model.family,
            samples=f"{len(data)} {'drawn' if options.data is None else 'given'} samples",
            differences=compared.differences,
            left=source.left,
            fits=tuple(Fit(p.name, design) for p, design in zip(parts, designs, strict=True)),
            host=model.host,
            metric=None if labels is None else compared.metric(labels),
            notes=tuple(source.notes),
            guesses=tuple(source.guesses),
        )
        lines = source.fates(self.family.names(self.names).dead)
        return Imported(parts, lines, report, tuple(source.guesses))


def _check_sizes(model: PublishedModel, file: str) -> None:
    """Refuse what no network design can say, before anything of that size is computed."""
    sizes = [("T", model.steps, _MOST_STEPS)]
    for stage in model.stages:
        at = f"{stage.name}: " if len(model.stages) > 1 else ""
        sizes += [(f"{at}tokens", stage.tokens, _MOST_TOKENS), (f"{at}width", stage.dim, _MOST)]
        sizes += [(f"{at}blocks", len(stage.blocks), _MOST_BLOCKS)]
    for key, size, most in sizes:
        if size > most:
            raise DesignError(key, str(size), f"must be at most {most} of a network", file)


def _data(model: PublishedModel, options: Options) -> NDArray[Any]:
    """Return the samples that a model is compared on."""
    if options.data is None:
        return draw(model.data)
    data = np.asarray(options.data)
    if data.shape[1:] != model.data or not len(data) or data.dtype.kind not in "fiub":
        shape = ", ".join(map(str, model.data))
        allowed = f"must be numbers of shape (samples, {shape})"
        raise DesignError("data", f"{data.dtype} of shape {show(data.shape)}", allowed)
    if options.labels is not None and len(options.labels) != len(data):
        allowed = f"must be one for each of the {len(data)} samples"
        raise DesignError("labels", f"{len(options.labels)} labels", allowed)
    return data


def _parts(model: PublishedModel, options: Options, data: NDArray[Any]) -> tuple[Part, ...]:
    """Return the stages of a model in integers, with scales for the data that are given."""
    seen = [Seen(stage, calibrates=options.data is not None) for stage in model.stages]
    for sample in data:
        found = real_pass(model, sample)
        for own, x, passed in zip(seen, found.inputs, found.passed, strict=True):
            own.add(x, passed.layers)
    parts: list[Part] = []
    for stage, own in zip(model.stages, seen, strict=True):
        given = parts[-1].unit if parts else None
        parts.append(part_of(stage, model.steps, options, own, given))
    return tuple(parts)
