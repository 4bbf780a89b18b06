"""Kinds of layers and position encodings, and where the parts of each are found: by its name.

``kind = "state-space"`` is :mod:`spikeloom.design.state_space` with ``StateSpaceDesign``,
:mod:`spikeloom.golden.state_space` with ``StateSpaceModel`` and :mod:`spikeloom.hdl.state_space`
with ``StateSpaceLayer``, ``docs/cores/state_space.rst`` and ``tests/hdl/test_state_space.py``. The
``-attention`` of a name is left out.

``position = "gray"`` is :mod:`spikeloom.design.position.gray` with ``Gray``,
:mod:`spikeloom.golden.position.gray` with ``GrayModel``, :mod:`spikeloom.hdl.position.gray` with
``GrayUnits``, and ``docs/cores/position/gray.rst``.
"""

from importlib import import_module
from typing import Any

__all__ = ["KINDS", "part", "position", "stem"]

KINDS = (
    "attention",
    "integer-attention",
    "rate-attention",
    "mask",
    "state-space",
    "projection",
    "residual",
    "reorder",
    "network",
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
    suffix = {"design": "Design", "golden": "Model", "hdl": "Layer"}[view]
    return _find(f"spikeloom.{view}", stem(kind), suffix)


def position(name: str, view: str) -> Any:
    """Return the class of a position that a view holds: ``"design"``, ``"golden"`` or ``"hdl"``.

    >>> position("gray", "golden").__name__
    'GrayModel'
    """
    suffix = {"design": "", "golden": "Model", "hdl": "Units"}[view]
    return _find(f"spikeloom.{view}.position", name, suffix)


def _find(package: str, name: str, suffix: str) -> Any:
    """Return the class of a module that has the module's name."""
    home = import_module(f"{package}.{name}")
    return getattr(home, "".join(word.title() for word in name.split("_")) + suffix)
