"""Components: layers of every kind, parts of them, and the top that becomes Verilog."""

from typing import TYPE_CHECKING

from spikeloom.lazy import lazily

if TYPE_CHECKING:
    from spikeloom.hdl.attention import AttentionLayer
    from spikeloom.hdl.frame.beats import beat_stream
    from spikeloom.hdl.frame.layer import LayerComponent
    from spikeloom.hdl.frame.serial import Narrower, Widener
    from spikeloom.hdl.integer import IntegerLayer
    from spikeloom.hdl.kinds import component
    from spikeloom.hdl.mask import MaskLayer
    from spikeloom.hdl.network import NetworkLayer
    from spikeloom.hdl.neuron import Neuron
    from spikeloom.hdl.popcount.pairs import PairPopcount
    from spikeloom.hdl.popcount.popcount import Popcount
    from spikeloom.hdl.position.gray import GrayCode
    from spikeloom.hdl.position.pair import PairBias
    from spikeloom.hdl.position.rotate import CyclicShifter
    from spikeloom.hdl.projection import ProjectionLayer
    from spikeloom.hdl.rate import RateLayer
    from spikeloom.hdl.residual import ResidualLayer
    from spikeloom.hdl.similarity.alpha import AlphaSimilarity
    from spikeloom.hdl.similarity.gate import GatedSimilarity
    from spikeloom.hdl.similarity.similarity import Similarity
    from spikeloom.hdl.state_space import StateSpaceLayer
    from spikeloom.hdl.top import AxiStreamTop

__all__ = [
    "AlphaSimilarity",
    "AttentionLayer",
    "AxiStreamTop",
    "CyclicShifter",
    "GatedSimilarity",
    "GrayCode",
    "IntegerLayer",
    "LayerComponent",
    "MaskLayer",
    "Narrower",
    "NetworkLayer",
    "Neuron",
    "PairBias",
    "PairPopcount",
    "Popcount",
    "ProjectionLayer",
    "RateLayer",
    "ResidualLayer",
    "Similarity",
    "StateSpaceLayer",
    "Widener",
    "beat_stream",
    "component",
]

# A layer of one kind does without all others.
__getattr__, __dir__ = lazily(
    __name__,
    {
        "AlphaSimilarity": "spikeloom.hdl.similarity.alpha",
        "AttentionLayer": "spikeloom.hdl.attention",
        "AxiStreamTop": "spikeloom.hdl.top",
        "CyclicShifter": "spikeloom.hdl.position.rotate",
        "GatedSimilarity": "spikeloom.hdl.similarity.gate",
        "GrayCode": "spikeloom.hdl.position.gray",
        "IntegerLayer": "spikeloom.hdl.integer",
        "LayerComponent": "spikeloom.hdl.frame.layer",
        "MaskLayer": "spikeloom.hdl.mask",
        "Narrower": "spikeloom.hdl.frame.serial",
        "NetworkLayer": "spikeloom.hdl.network",
        "Neuron": "spikeloom.hdl.neuron",
        "PairBias": "spikeloom.hdl.position.pair",
        "PairPopcount": "spikeloom.hdl.popcount.pairs",
        "Popcount": "spikeloom.hdl.popcount.popcount",
        "ProjectionLayer": "spikeloom.hdl.projection",
        "RateLayer": "spikeloom.hdl.rate",
        "ResidualLayer": "spikeloom.hdl.residual",
        "Similarity": "spikeloom.hdl.similarity.similarity",
        "StateSpaceLayer": "spikeloom.hdl.state_space",
        "Widener": "spikeloom.hdl.frame.serial",
        "beat_stream": "spikeloom.hdl.frame.beats",
        "component": "spikeloom.hdl.kinds",
    },
)
