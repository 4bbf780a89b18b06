"""The network as a :class:`~spikeloom.golden.model.Model`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.network.design import NetworkDesign
from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.layout import Loop, Part, Stream
from spikeloom.golden.model import Model
from spikeloom.golden.network.formula import network, trace
from spikeloom.golden.network.ranges import readout_range
from spikeloom.golden.ranges import bits

__all__ = ["NetworkModel"]


class NetworkModel(Model[NetworkDesign]):
    """Integers x of up to N tokens in, numbers out.

    In: token by token, with ``encoder.coding = "steps"`` step by step, bit planes of its channels,
    low plane first; tlast ends the sequence. Out:
    number by number in whole beats, two's complement, the low beat first.

    Parameters
    ----------
    design : NetworkDesign
        The network.
    """

    @property
    def inputs(self) -> tuple[ArraySpec, ...]:
        """The integers x, and how many tokens there are."""
        design, encoder = self._design, self._design.encoder
        low, high = encoder.bounds
        x = ArraySpec("x", "(N, C)", (design.tokens, encoder.inputs), low, high)
        if encoder.coding == "steps":
            x = replace(x, axes="(T, N, C)", shape=(design.steps, *x.shape))
        return (
            x,
            ArraySpec("length", "()", (), 1, design.tokens, default=design.tokens),
        )

    @property
    def output(self) -> ArraySpec:
        """The numbers."""
        low, high = readout_range(self._design)
        # An answer file holds them as int32 even where they have no sign.
        return ArraySpec("logits", "(O)", (self._design.readout.outputs,), min(low, -1), high)

    def answer(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return the numbers; tokens behind the length are not looked at."""
        x, length = (spec.check(arrays[spec.name]) for spec in self.inputs)
        return network(self._design, x[..., : int(length), :]).astype(self.output.dtype)

    def spikes(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the spikes of every layer, (T, n, outputs)."""
        x, length = (spec.check(arrays[spec.name]) for spec in self.inputs)
        return dict(trace(self._design, x[..., : int(length), :]).spikes)

    @property
    def stream_in(self) -> Stream:
        """Bit planes of x, token by token, for as many tokens as there may be."""
        spec, bits_ = self.inputs[0], self._design.encoder.bits
        steps = ("step",) * (self._design.encoder.coding == "steps")
        axes = dict(zip((*steps, "token", "channel"), spec.shape, strict=True))
        order = (*steps, "bit", "beat")
        return Stream(Loop(("token",), (Part(spec, axes, "channel", order, bits_, self.beat),)))

    @property
    def number_beats(self) -> int:
        """Beats of a number."""
        width, _ = bits(self.output.low, self.output.high)
        return -(-width // self.beat)

    @property
    def stream_out(self) -> Stream:
        """Numbers in whole beats, behind a status where weights are loaded."""
        spec = self.output
        width, _ = bits(spec.low, spec.high)
        axes, order = {"output": spec.shape[0]}, ("output", "beat")
        numbers = Part(spec, axes, "output", order, width, self.beat, signed=True)
        if not self._design.loaded:
            return Stream(Loop((), (numbers,)))
        status = ArraySpec("status", "(1)", (1,))
        return Stream(
            Loop((), (Part(status, {"status": 1}, "status", ("beat",), 1, self.beat), numbers))
        )

    @property
    def beat(self) -> int:
        """Bits of a beat."""
        return self._design.beat

    def pack(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.uint64]:
        """Return the input beats of one inference: those of its own tokens."""
        beats = super().pack(arrays)
        own = beats[: int(arrays["length"]) * (self.beats_in // self._design.tokens)]
        return np.concatenate([np.zeros(int(self._design.loaded), np.uint64), own])

    def unpack(self, beats: ArrayLike) -> NDArray[Any]:
        """Return the numbers; :exc:`ValueError` for the answer of a network without weights."""
        found = self.stream_out.unpack(beats)
        if self._design.loaded and not found["status"].all():
            raise ValueError("status must be 1: the network has no weights")
        return found[self.output.name].astype(self.output.dtype)

    def pack_answer(self, values: ArrayLike) -> NDArray[np.uint64]:
        """Return the beats of an answer, with the status of a network that has its weights."""
        answer = {"status": np.ones(1, int), self.output.name: np.asarray(values)}
        return self.stream_out.pack(answer)

    def describe(self) -> dict[str, Any]:
        """Describe beats and widths."""
        design, spec = self._design, self.output
        width, _ = bits(spec.low, spec.high)
        x = {
            "name": "x",
            "beats": self.beats_in // design.tokens,
            "order": "for each time step, " * (design.encoder.coding == "steps")
            + "for each bit plane, low bit first: channel c at bit c % width of beat c // width",
            "planes": design.encoder.bits,
        }
        logits = {
            "name": spec.name,
            "beats": spec.shape[0] * self.number_beats,
            "order": "number by number, two's complement, low beat first",
        }
        out = [logits]
        if design.loaded:
            status = "bit 0: 1, or 0 for a network without weights, whose numbers are 0"
            out = [{"name": "status", "beats": 1, "order": status}, logits]
        described = self.describe_beats(
            "for each token: the sections of that token", {"sections": [x]}, {"sections": out}
        )
        described["in"]["last"] = "ends a sequence, which may have fewer tokens"
        if design.loaded:
            described["in"]["command"] = {"beats": 1, "run": 0, "load": 1}
        return {
            "beats": described,
            "numbers": {
                "logits": {"low": spec.low, "high": spec.high, "bits": width, "signed": True}
            },
        }
