"""Neurons: how they lie in accumulators, their pieces, and one on its own."""

from spikeloom.hdl.neuron.bank import NeuronBank
from spikeloom.hdl.neuron.format import NeuronFormat
from spikeloom.hdl.neuron.pieces import NeuronAdd, NeuronFire, NeuronPreset, divide
from spikeloom.hdl.neuron.stream import Neuron

__all__ = [
    "Neuron",
    "NeuronAdd",
    "NeuronBank",
    "NeuronFire",
    "NeuronFormat",
    "NeuronPreset",
    "divide",
]
