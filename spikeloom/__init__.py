"""Synthesizable RTL for spiking-transformer attention, checked bit for bit and costed."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("spikeloom")
