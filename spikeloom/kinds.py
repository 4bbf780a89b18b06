"""Kinds of layers, and where the parts of each are found: by its name.

``kind = "state-space"`` is :mod:`spikeloom.design.state_space` with ``StateSpaceDesign``,
:mod:`spikeloom.golden.state_space` with ``StateSpaceModel`` and :mod:`spikeloom.hdl.state_space`
with ``StateSpaceLayer``, ``docs/cores/state_space.rst`` and ``tests/hdl/test_state_space.py``. The
``-attention`` of a name is left out.
"""

from importlib import import_module
from typing import Any

__all__ = ["KINDS", "part", "stem"]

KINDS = (
    "attention",
    "integer-attention",
    "rate-attention",
    "mask",
    "state-space",
    "projection",
    "residual",
)
"""Values of the key ``kind``; without the key it is the first."""


def stem(kind: str) -> str:
    """Return the name of a kind's modules and pages.

    >>> stem("integer-attention"), stem("attention"), stem("state-space")
    ('integer', 'attention', 'state_space')
    """
    return kind.removesuffix("-attention").replace("-", "_")


def part(kind: str, view: str) -> Any:
    """Return the class of a kind that a view holds: ``"design"``, ``"golden"`` or ``"hdl"``.

    >>> part("rate-attention", "golden").__name__
    'RateModel'
    """
    name = stem(kind)
    suffix = {"design": "Design", "golden": "Model", "hdl": "Layer"}[view]
    home = import_module(f"spikeloom.{view}.{name}")
    return getattr(home, "".join(word.title() for word in name.split("_")) + suffix)
