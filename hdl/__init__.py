"""Components: layers of every kind, and the top that becomes Verilog."""

from spikeloom.hdl.attention import AttentionLayer
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.integer import IntegerLayer
from spikeloom.hdl.kinds import component
from spikeloom.hdl.mask import MaskLayer
from spikeloom.hdl.projection import ProjectionLayer
from spikeloom.hdl.rate import RateLayer
from spikeloom.hdl.residual import ResidualLayer
from spikeloom.hdl.state_space import StateSpaceLayer
from spikeloom.hdl.top import AxiStreamTop

__all__ = [
    "AttentionLayer",
    "AxiStreamTop",
    "IntegerLayer",
    "LayerComponent",
    "MaskLayer",
    "ProjectionLayer",
    "RateLayer",
    "ResidualLayer",
    "StateSpaceLayer",
    "component",
]
