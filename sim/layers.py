"""Which layer of a network is wrong: spikes of every layer, counted by the hardware itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.base import Design
from spikeloom.design.network.design import NetworkDesign
from spikeloom.golden.kinds import model
from spikeloom.golden.network.model import NetworkModel
from spikeloom.hdl.network.plan import network_plan
from spikeloom.hdl.network.program.looks import Look, looks, seen_layers
from spikeloom.hdl.network.store import load_frame
from spikeloom.sim.simulate import Simulator, Target, exchange

__all__ = ["LayerFault", "can_look", "compare_layers", "find_fault", "seen"]

_Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class LayerFault:
    """The first layer whose spikes are not golden's.

    Parameters
    ----------
    inference : int
        Which of the inferences, from 0.
    layer : str
        As :class:`~spikeloom.golden.network.Trace` calls what it gives, such as
        ``blocks.0.expand``.
    channels : tuple of int
        Its first channel that is wrong; several where each by itself is right.
    found, expected : int
        Spikes of these, over steps and tokens.
    """

    inference: int
    layer: str
    channels: tuple[int, ...]
    found: int
    expected: int

    def __str__(self) -> str:
        channels = ", ".join(map(str, self.channels))
        return (
            f"the first layer that differs is {self.layer}: channel {channels} of inference "
            f"{self.inference} spikes {self.found} times instead of {self.expected}"
        )


def can_look(design: Design) -> TypeGuard[NetworkDesign]:
    """Whether the layers of a design can be looked into: of a network that loads its program."""
    return isinstance(design, NetworkDesign) and design.loaded


def seen(design: NetworkDesign) -> tuple[str, ...]:
    """Name the layers that are looked into, in the order in which they are computed."""
    return seen_layers(network_plan(design))


def find_fault(
    design: NetworkDesign,
    batch: Sequence[_Arrays],
    *,
    target: Target = "rtl",
    simulator: Simulator = "cxxrtl",
) -> LayerFault | None:
    """Compare the spikes of every layer with golden's, or name the first that is wrong.

    The network's own hardware loads programs that end early, and read out how often the channels
    of a layer have spiked (:mod:`spikeloom.hdl.network.program.looks`). So it is seen in RTL and
    netlist alike, and could be on a board.

    Parameters
    ----------
    design : NetworkDesign
        A network that loads its program.
    batch : sequence of mapping
        Arrays of each inference.
    target, simulator : str
        As for :func:`spikeloom.sim.simulate.simulate`.
    """
    plan = network_plan(design)
    fault = compare_layers(design, batch, tuple(looks(plan)), target, simulator)
    if fault is None:
        return None
    # Which of its channels it is: each in a number of its own.
    each = tuple(looks(plan, fault.layer))
    return compare_layers(design, batch, each, target, simulator) or fault


def compare_layers(
    design: NetworkDesign,
    batch: Sequence[_Arrays],
    programs: Sequence[Look],
    target: Target = "rtl",
    simulator: Simulator = "cxxrtl",
) -> LayerFault | None:
    """As :func:`find_fault`, with the programs given."""
    golden, at_once = NetworkModel(design), design.folding.tokens
    counts = [_counts(golden, arrays) for arrays in batch]
    answers = _numbers(design, batch, programs, target, simulator)
    for look, numbers in zip(programs, answers, strict=True):
        for inference, (found, layers) in enumerate(zip(numbers, counts, strict=True)):
            if look.whole and int(batch[inference]["length"]) % at_once:
                continue
            for channels, number in zip(look.channels, found.tolist(), strict=False):
                expected = int(layers[look.name][list(channels)].sum())
                if number != expected:
                    return LayerFault(inference, look.name, channels, number, expected)
    return None


def _counts(golden: NetworkModel, arrays: _Arrays) -> dict[str, NDArray[np.int64]]:
    """Count the spikes of every layer, channel by channel."""
    layers = golden.spikes(arrays).items()
    return {name: spikes.sum(axis=(0, 1), dtype=np.int64) for name, spikes in layers}


def _numbers(
    design: NetworkDesign,
    batch: Sequence[_Arrays],
    programs: Sequence[Look],
    target: Target,
    simulator: Simulator,
) -> list[NDArray[np.int64]]:
    """Give the numbers of each program for each inference, as they come out of the hardware."""
    golden = model(design)
    packed = [golden.pack(arrays) for arrays in batch]
    width = network_plan(design).sections.width
    sent = [frame for one in programs for frame in (load_frame(one.words, width), *packed)]
    traffic = exchange(design, sent, target=target, simulator=simulator)
    beats = traffic.frames.reshape(len(programs), -1, golden.beats_out)
    # Behind the answer to a program that was loaded.
    return [np.stack([golden.unpack(one) for one in answers[1:]]) for answers in beats]
