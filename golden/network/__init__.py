"""Whole networks in integers."""

from spikeloom.golden.network.formula import Trace, network, trace
from spikeloom.golden.network.model import NetworkModel

__all__ = ["NetworkModel", "Trace", "network", "trace"]
