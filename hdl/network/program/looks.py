"""Programs that look into a network: its own up to a layer, then that layer's spikes as numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spikeloom.hdl.network.plan import NetworkPlan
from spikeloom.hdl.network.program.assemble import runs
from spikeloom.hdl.network.program.layers import Layer, Term

__all__ = ["Look", "looks", "seen_layers"]


@dataclass(frozen=True)
class Look:
    """A program whose numbers are how often channels of a layer spike.

    Parameters
    ----------
    name : str
        The layer, as :class:`~spikeloom.golden.network.Trace` calls what it gives.
    channels : tuple of tuple of int
        For each number the channels whose spikes it counts, over steps and tokens.
    whole : bool
        Whether it counts tokens, too, that are not there but share a row with the last.
    words : tuple of int
        As many words as the network's own program has.
    """

    name: str
    channels: tuple[tuple[int, ...], ...]
    whole: bool
    words: tuple[int, ...]


def seen_layers(plan: NetworkPlan) -> tuple[str, ...]:
    """Name the layers that :func:`looks` looks at, in their order."""
    return tuple(seen.name for seen in _seen(plan))


def looks(plan: NetworkPlan, name: str | None = None) -> Iterator[Look]:
    """Give programs that look at every layer whose spikes lie in the memories, in their order.

    The hardware is the network's own, which loads any program: what it computes up to a layer, it
    computes in every program. Keys that go to the attention channel by channel are not seen by
    themselves, but in its spikes; a branch is seen where it has joined x.

    Parameters
    ----------
    plan : NetworkPlan
        Of a network that loads its program.
    name : str or None
        Look at each channel of this layer, in as many programs as it takes. By default one program
        a layer looks at all of its channels, some in each number.
    """
    outputs = plan.design.readout.outputs
    for seen in _seen(plan):
        number = len(seen.lanes)
        apart = [tuple(range(n, number, outputs)) for n in range(min(outputs, number))]
        if name is None:
            yield _look(plan, seen, apart)
        elif seen.name == name:
            for first in range(0, number, outputs):
                some = range(first, min(first + outputs, number))
                yield _look(plan, seen, [(channel,) for channel in some])


@dataclass(frozen=True)
class _Seen:
    """A layer: how many there are with those before, and where its spikes lie."""

    count: int
    name: str
    tensor: str
    lanes: NDArray[np.int64]


def _seen(plan: NetworkPlan) -> Iterator[_Seen]:
    block = -1
    for count, layer in enumerate(plan.layers, 1):
        if layer is None:
            yield _Seen(count, f"blocks.{block}.attention", "attention", plan.by_head)
        elif layer.name and not layer.turned:
            yield _Seen(count, layer.name, layer.target, layer.channels)
        if layer is not None and layer.name.endswith(".query"):
            block += 1


def _look(plan: NetworkPlan, seen: _Seen, channels: Sequence[tuple[int, ...]]) -> Look:
    """Give the program that counts the spikes of channels."""
    outputs = plan.design.readout.outputs
    weight = np.zeros((1, outputs, plan.tensors[seen.tensor].slots * plan.lanes), dtype=np.int64)
    for n in range(outputs):
        # A number too many counts what the last one does: of nothing there would be no pass.
        weight[0, n, seen.lanes[list(channels[min(n, len(channels) - 1)])]] = 1
    nothing = np.zeros(outputs, dtype=np.int64)
    term = Term(seen.tensor, weight, sparse=True)
    counts = Layer((term,), nothing, nothing, "", nothing, flags={"reads_out": 1})
    words = _words(plan, [*plan.layers[: seen.count], counts])
    attends = plan.layers[seen.count - 1] is None
    return Look(seen.name, tuple(channels), attends and plan.at_once > 1, words)


def _words(plan: NetworkPlan, layers: list[Layer | None]) -> tuple[int, ...]:
    """Write a program that is as long as the network's own, with what is never read at its end."""
    if not any(layer is not None and layer.flags.get("release") for layer in layers):
        last = layers[-1]
        assert last is not None
        # The input is given back by the first layer behind the encoder, which is this one.
        release = {} if plan.keeps_input else {"release": 1}
        layers = [*layers[:-1], replace(last, flags={**last.flags, **release})]
    made = plan.assembled(tuple(runs(plan, layers)))
    whole = len(plan.program.words)
    room = whole - len(made.words)
    if room < 0:
        raise ValueError(f"Program must have at most {whole} words, not {len(made.words)}")
    return made.words + (0,) * room
