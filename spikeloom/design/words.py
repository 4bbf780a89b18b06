"""A layer in words: what designs of several kinds say alike."""

from typing import Any

__all__ = ["Words", "lanes_in_words", "shape_in_words"]

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
