"""Synthesizable RTL for spiking-transformer attention, checked bit for bit and costed."""

from importlib.metadata import version
from typing import TYPE_CHECKING

from spikeloom.lazy import lazily

if TYPE_CHECKING:
    from spikeloom.design import Design, DesignError, load_design, schema
    from spikeloom.flow import build
    from spikeloom.generating import generate
    from spikeloom.sim.simulate import simulate
    from spikeloom.sim.spikes import draw_spikes

__all__ = [
    "Design",
    "DesignError",
    "__version__",
    "build",
    "draw_spikes",
    "generate",
    "load_design",
    "schema",
    "simulate",
]

__version__ = version("spikeloom")
# Only now: the command line says its version without any of them.
__getattr__, __dir__ = lazily(
    __name__,
    {
        "Design": "spikeloom.design",
        "DesignError": "spikeloom.design",
        "build": "spikeloom.flow",
        "draw_spikes": "spikeloom.sim.spikes",
        "generate": "spikeloom.generating",
        "load_design": "spikeloom.design",
        "schema": "spikeloom.design",
        "simulate": "spikeloom.sim.simulate",
    },
)
