"""What the component of a layer of any kind offers to those who build and simulate it."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.base import Design
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.frame.plan import LayerPlan

__all__ = ["LayerComponent"]


class LayerComponent(Component):
    """Beats in, beats out, as the golden model of the same layer packs and unpacks them.

    Each kind of layer has one; :func:`spikeloom.hdl.kinds.component` finds it.

    Parameters
    ----------
    design : Design
        The layer.
    more : mapping or None
        Members beside those below.

    Members
    -------
    i : In(stream)
        Beats in. ``last`` is not looked at.
    o : Out(stream)
        Beats out. ``last`` marks the end of an inference.
    busy : Out(1)
        High in every cycle in which an engine works.
    """

    def __init__(self, design: Design, more: Mapping[str, wiring.Member] | None = None):
        super().__init__(
            {
                "i": In(beat_stream(design.beat)),
                "o": Out(beat_stream(design.beat)),
                "busy": Out(1),
                **(more or {}),
            }
        )

    plan: LayerPlan
    """Geometry of the layer. A layer without a plan says itself what its memories are."""

    exact = True
    """Whether :meth:`compute_cycles` gives the very number; else it comes close."""

    framed = False
    """Whether ``i.last`` is looked at: it ends an inference, which may be shorter than others."""

    @classmethod
    def of(cls, design: Any) -> "LayerComponent":
        """Make the component of a layer, of the form that its folding asks for."""
        return cls(design)

    @property
    def memories(self) -> tuple[MemoryShape, ...]:
        """Memories of the layer."""
        return self.plan.memories

    @abstractmethod
    def compute_cycles(self, arrays: Mapping[str, ArrayLike] | None = None) -> int:
        """Predict the cycles in which an engine works in one inference.

        Without ``arrays``, the inputs of the golden model by name, the most there can be.
        """

    def stages(
        self, arrays: Mapping[str, ArrayLike] | None = None
    ) -> tuple[tuple[str, int, int], ...]:
        """Predict the cycles of the layers of a network: name, first cycle, that of the next one.

        Empty where there is only one. ``arrays`` as for :meth:`compute_cycles`.
        """
        return ()

    @property
    def preamble(self) -> tuple[NDArray[np.uint64], ...]:
        """Frames to send after configuration, before the first inference; each is answered."""
        return ()

    @property
    def preamble_answers(self) -> tuple[NDArray[np.uint64], ...]:
        """Frames that come back for those of :attr:`preamble`."""
        return ()

    @property
    def watchdog_cycles(self) -> int:
        """Cycles in which a beat goes through some port, unless a neighbour holds it up.

        A layer in which none does, though a beat is offered or all of the inference is sent, and
        though its answer would be taken, is out of step: it needs a reset.
        """
        return 2 * self.compute_cycles() + 1000

    def manifest(self) -> dict[str, Any]:
        """Describe what a user of the generated Verilog cannot see in it."""
        return {
            "memories": [shape.describe() for shape in self.memories],
            **self._about(),
            "compute_cycles": self.compute_cycles(),
        }

    def _about(self) -> dict[str, Any]:
        """Give what there is to say of a layer of this kind alone."""
        return {}
