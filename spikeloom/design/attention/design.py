"""Attention layers: what they compute, how they are folded, and what they may cost."""

from functools import cached_property
from typing import Literal, Self

from pydantic import model_validator

from spikeloom.design.attention.cost import estimate
from spikeloom.design.attention.keys import AttentionKeys
from spikeloom.design.attention.rules import check, check_folding, warn
from spikeloom.design.words import Words, lanes_in_words, shape_in_words

__all__ = ["AttentionDesign"]


class AttentionDesign(AttentionKeys):
    """Spiking self-attention on bits: a layer with its similarity, positions and neurons.

    Immutable; made by ``load_design`` or :meth:`from_dict`. Every field is a key of the design
    file, see its JSON Schema for ranges. The properties are what follows from the fields; nothing
    else in Spikeloom derives them again.

    >>> AttentionDesign.from_dict({"tokens": 32, "dim": 65, "heads": 4, "steps": 4})
    Traceback (most recent call last):
    spikeloom.design.read.DesignError: dim: 65: must be a multiple of heads (4)
    """

    @model_validator(mode="after")
    def _check(self) -> Self:
        check(self)
        check_folding(self, self.order)
        return self

    @cached_property
    def order(self) -> Literal["score", "state"]:
        """Order of multiplication; ``auto`` takes the one with fewer cells times cycles.

        Both are estimated, see :mod:`spikeloom.design.attention.cost`, the cycles of state order at
        a firing rate of 20 %. ``rows``, a gate, keys that are not seen, of another number or of
        several steps, biases without state, a norm and scales below zero ask for score order,
        several ``spikes`` for state order.
        """
        if self.folding.order != "auto":
            return self.folding.order
        if self.folding.spikes > 1:
            return "state"
        stateless = not all(part.has_state for part in self.parts)
        stateless |= self.gate is not None or self.masked or self.crossed or self.chunk > 1
        if self.folding.rows > 1 or stateless or self.normed is not None:
            return "score"
        score, state = estimate(self, "score"), estimate(self, "state")
        return "state" if state.product <= score.product else "score"

    @property
    def summary(self) -> Words:
        """The layer in words, for the head of a report."""
        position = " + ".join(self.position) or "none"
        similarity = f"similarity {self.similarity}"
        folding, lanes = self.folding, lanes_in_words(self.folding)
        return (
            shape_in_words(self),
            ("mechanisms", f"{similarity}, position {position}, neuron {self.neuron}"),
            ("folding", f"{folding.order} order, rows {folding.rows}, {lanes}"),
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is exact but may not be what was meant, one sentence each, with the reason."""
        return warn(self)
