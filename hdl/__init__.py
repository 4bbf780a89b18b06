"""Components: layers of every kind, parts of them, and the top that becomes Verilog."""

from typing import TYPE_CHECKING

from spikeloom.lazy import lazily

if TYPE_CHECKING:
    from spikeloom.hdl.attention import AttentionLayer as AttentionLayer
    from spikeloom.hdl.frame.beats import beat_stream as beat_stream
    from spikeloom.hdl.frame.layer import LayerComponent as LayerComponent
    from spikeloom.hdl.frame.serial import Narrower as Narrower
    from spikeloom.hdl.frame.serial import Widener as Widener
    from spikeloom.hdl.integer import IntegerLayer as IntegerLayer
    from spikeloom.hdl.kinds import component as component
    from spikeloom.hdl.mask import MaskLayer as MaskLayer
    from spikeloom.hdl.network import NetworkLayer as NetworkLayer
    from spikeloom.hdl.neuron import Neuron as Neuron
    from spikeloom.hdl.popcount.pairs import PairPopcount as PairPopcount
    from spikeloom.hdl.popcount.popcount import Popcount as Popcount
    from spikeloom.hdl.position.gray import GrayCode as GrayCode
    from spikeloom.hdl.position.log import LogBias as LogBias
    from spikeloom.hdl.position.rotate import CyclicShifter as CyclicShifter
    from spikeloom.hdl.position.table import TableBias as TableBias
    from spikeloom.hdl.projection import ProjectionLayer as ProjectionLayer
    from spikeloom.hdl.rate import RateLayer as RateLayer
    from spikeloom.hdl.residual import ResidualLayer as ResidualLayer
    from spikeloom.hdl.similarity.alpha import AlphaSimilarity as AlphaSimilarity
    from spikeloom.hdl.similarity.gate import GatedSimilarity as GatedSimilarity
    from spikeloom.hdl.similarity.similarity import Similarity as Similarity
    from spikeloom.hdl.state_space import StateSpaceLayer as StateSpaceLayer
    from spikeloom.hdl.top import AxiStreamTop as AxiStreamTop

# A layer of one kind does without all others.
_HOMES = {
    "AlphaSimilarity": "spikeloom.hdl.similarity.alpha",
    "AttentionLayer": "spikeloom.hdl.attention",
    "AxiStreamTop": "spikeloom.hdl.top",
    "CyclicShifter": "spikeloom.hdl.position.rotate",
    "GatedSimilarity": "spikeloom.hdl.similarity.gate",
    "GrayCode": "spikeloom.hdl.position.gray",
    "IntegerLayer": "spikeloom.hdl.integer",
    "LayerComponent": "spikeloom.hdl.frame.layer",
    "LogBias": "spikeloom.hdl.position.log",
    "MaskLayer": "spikeloom.hdl.mask",
    "Narrower": "spikeloom.hdl.frame.serial",
    "NetworkLayer": "spikeloom.hdl.network",
    "Neuron": "spikeloom.hdl.neuron",
    "PairPopcount": "spikeloom.hdl.popcount.pairs",
    "Popcount": "spikeloom.hdl.popcount.popcount",
    "ProjectionLayer": "spikeloom.hdl.projection",
    "RateLayer": "spikeloom.hdl.rate",
    "ResidualLayer": "spikeloom.hdl.residual",
    "Similarity": "spikeloom.hdl.similarity.similarity",
    "StateSpaceLayer": "spikeloom.hdl.state_space",
    "TableBias": "spikeloom.hdl.position.table",
    "Widener": "spikeloom.hdl.frame.serial",
    "beat_stream": "spikeloom.hdl.frame.beats",
    "component": "spikeloom.hdl.kinds",
}

__all__ = list(_HOMES)
__getattr__, __dir__ = lazily(__name__, _HOMES)
