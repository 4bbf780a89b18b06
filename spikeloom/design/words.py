"""A layer in words: what designs of several kinds say alike."""

from collections.abc import Mapping
from typing import Any

__all__ = ["Words", "folding_in_words", "lanes_in_words", "shape_in_words"]

#: Rows of a table: a name and a text each.
Words = tuple[tuple[str, str], ...]


def shape_in_words(layer: Any) -> tuple[str, str]:
    """Describe the shape of a layer with ``tokens``, ``dim``, ``heads`` and ``steps``."""
    size = f"{layer.tokens} tokens x {layer.dim} dims"
    return "layer", f"{size}, {layer.heads} heads, {layer.steps} time steps"


def lanes_in_words(folding: Any) -> str:
    """Describe what is computed at once.

    >>> from types import SimpleNamespace
    >>> lanes_in_words(SimpleNamespace(lanes=None))
    'lanes as the head'
    """
    return f"lanes {folding.lanes or 'as the head'}"


def folding_in_words(chosen: Mapping[str, Any]) -> str:
    """Say keys of a folding with their values; ``attention`` is a folding of its own.

    >>> folding_in_words({"lanes": 64, "attention": {"order": "score", "rows": 4, "lanes": 16}})
    'lanes 64, attention score with rows 4, lanes 16'
    """
    words = [f"{key} {value}" for key, value in chosen.items() if key != "attention"]
    if inner := dict(chosen.get("attention", {})):
        order = inner.pop("order")
        words.append(f"attention {order} with {folding_in_words(inner)}")
    return ", ".join(words)
