"""Names of tensors that a family has, and those of a checkpoint laid beside them."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

__all__ = ["Names", "count", "nearest", "without_prefix"]

_NORM = ("weight", "bias", "running_mean", "running_var")


@dataclass
class Names:
    """Names of tensors, gathered layer by layer.

    Parameters
    ----------
    required, optional : dict
        Names as keys, in the order in which the model has them.
    dead : dict
        Names of tensors that the published forward never uses, and why they are there.
    """

    required: dict[str, None] = field(default_factory=dict)
    optional: dict[str, None] = field(default_factory=dict)
    dead: dict[str, str] = field(default_factory=dict)

    def one(self, *names: str) -> Self:
        """Add tensors."""
        self.required |= dict.fromkeys(names)
        return self

    def maybe(self, *names: str) -> Self:
        """Add tensors that need not be there."""
        self.optional |= dict.fromkeys(names)
        return self

    def linear(self, *bases: str, bias: bool) -> Self:
        """Add weights, and biases; where there is none as published one may be there yet."""
        for base in bases:
            self.one(f"{base}.weight")
            (self.one if bias else self.maybe)(f"{base}.bias")
        return self

    def norm(self, *bases: str) -> Self:
        """Add batch normalisations."""
        for base in bases:
            self.one(*(f"{base}.{part}" for part in _NORM))
            self.maybe(f"{base}.num_batches_tracked")
        return self

    def left(self, why: str, *names: str) -> Self:
        """Add tensors that the forward never uses."""
        self.dead |= dict.fromkeys(names, why)
        return self

    def known(self, name: str) -> bool:
        """Whether the family has a tensor of that name."""
        return name in self.required or name in self.optional or name in self.dead

    def likeness(self, names: Iterable[str]) -> float:
        """Return which part of these names and the published ones is the same, 0 to 1.

        Tensors that the forward never uses are published too, though nobody needs them.
        """
        given, published = set(names), {**self.required, **self.dead}
        odd = sum(not self.known(name) for name in given)
        same = sum(name in given for name in published)
        return same / (len(published) + odd) if published else 0.0


def count(names: Iterable[str], list_name: str) -> int:
    """Return how many entries a list of modules has: one more than the greatest number.

    >>> count(["blocks.0.a.weight", "blocks.2.a.weight", "head.weight"], "blocks")
    3
    """
    pattern = re.compile(rf"{re.escape(list_name)}\.(\d+)\.")
    found = [int(match[1]) for name in names if (match := pattern.match(name))]
    return min(max(found, default=-1) + 1, 1000)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that looks most like another one."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.0)
    return found[0] if found else None


def without_prefix(names: Iterable[str], anchor: str) -> Mapping[str, str]:
    """Return names by what they are without the prefix that stands in front of an anchor.

    Names without the prefix stay as they are. Where the anchor is not there, the prefix is what
    all names have in common, up to a dot.

    >>> dict(without_prefix(["net.a.weight", "out.bias"], "a.weight"))
    {'a.weight': 'net.a.weight', 'out.bias': 'out.bias'}
    """
    given = list(names)
    ends = [name for name in given if name == anchor or name.endswith(f".{anchor}")]
    prefix = min(ends, key=len)[: -len(anchor)] if ends else ""
    return {name.removeprefix(prefix): name for name in given}
