"""What a layer of any kind answers, and how its numbers travel as beats."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.base import Design
from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.layout import Stream

__all__ = ["Model"]


_Kind = TypeVar("_Kind", bound=Design)


class Model(ABC, Generic[_Kind]):
    """The golden model of a layer: arrays in, an array out, and the beats that carry them.

    Each kind of layer has one; :func:`spikeloom.golden.kinds.model` finds it.
    """

    def __init__(self, design: _Kind):
        self._design = design

    @property
    def design(self) -> _Kind:
        """The layer."""
        return self._design

    @property
    @abstractmethod
    def inputs(self) -> tuple[ArraySpec, ...]:
        """Arrays that an inference takes."""

    @property
    @abstractmethod
    def output(self) -> ArraySpec:
        """Array that it gives."""

    @abstractmethod
    def answer(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return the output for the inputs by name, exactly."""

    def spikes(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the spikes of an inference, of every layer in a network, by name.

        Inputs and output that have no sign; of those that count to more than one, what is not zero
        is a spike.
        """
        found = {spec.name: arrays[spec.name] for spec in self.inputs}
        specs = {spec.name: spec for spec in (*self.inputs, self.output)}
        found[self.output.name] = self.answer(arrays)
        return {k: v for k, v in found.items() if specs[k].low == 0 and specs[k].shape}

    @property
    @abstractmethod
    def stream_in(self) -> Stream:
        """Order of the beats that one inference takes."""

    @property
    @abstractmethod
    def stream_out(self) -> Stream:
        """Order of the beats that one inference gives."""

    @property
    def beats_in(self) -> int:
        """Beats that one inference takes."""
        return self.stream_in.count

    @property
    def beats_out(self) -> int:
        """Beats that one inference gives."""
        return self.stream_out.count

    def pack(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.uint64]:
        """Return the input beats of one inference."""
        return self.stream_in.pack(arrays)

    def unpack(self, beats: ArrayLike) -> NDArray[Any]:
        """Return the output from the output beats of one inference."""
        found = self.stream_out.unpack(beats)[self.output.name]
        return found.astype(self.output.dtype)

    def pack_answer(self, values: ArrayLike) -> NDArray[np.uint64]:
        """Return the output beats of one inference that hold an answer: what unpack undoes."""
        return self.stream_out.pack({self.output.name: np.asarray(values)})

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Describe beats (``beats``) and widths (``numbers``) for users of the Verilog."""

    def describe_beats(
        self, order: str, into: dict[str, Any], out: dict[str, Any]
    ) -> dict[str, Any]:
        """Describe both streams: how often their sections come, in words and as loops.

        Parameters
        ----------
        order : str
            How the sections follow each other.
        into, out : dict
            What is in them in words: ``sections``, each with name, beats and order, or ``planes``.
        """
        return {
            "width": self.design.beat,
            "order": order,
            "in": {
                **into,
                "beats": self.beats_in,
                "loops": self.stream_in.describe(),
                "last": "not looked at: the number of beats decides",
            },
            "out": {
                **out,
                "beats": self.beats_out,
                "loops": self.stream_out.describe(),
                "last": "high on the last beat of an inference",
            },
        }
