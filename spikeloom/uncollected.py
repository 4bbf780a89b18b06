"""Work that makes many objects and no garbage, undisturbed by Python's collector."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage in the block; saves a third of the time in which a netlist is made.

    Objects without references from each other are freed as ever.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
