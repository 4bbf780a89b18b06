"""The component that all others derive from."""

from typing import TYPE_CHECKING, Any

from amaranth.lib import wiring

__all__ = ["Component", "natural"]


class Component(wiring.Component):
    """A component of Amaranth whose ports are declared once, where its constructor names them.

    Its docstring says in ``Members`` what they mean. Parameters are attributes of the same name
    that are set once.
    """

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Give a port: its type follows from the signature, which is made at run time."""


def natural(name: str, value: int, least: int = 1) -> int:
    """Return a parameter; :exc:`TypeError` unless it is an integer of at least 1, or 0."""
    if not isinstance(value, int) or value < least:
        kind = "positive" if least else "non-negative"
        raise TypeError(f"{name} must be a {kind} integer, not {value!r}")
    return value
