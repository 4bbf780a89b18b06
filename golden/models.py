"""The golden model of every kind of layer."""

from collections.abc import Callable, Mapping
from typing import Any

from spikeloom.design import Design
from spikeloom.design_integer import IntegerAttention
from spikeloom.design_layer import Layer
from spikeloom.design_mask import MaskDesign
from spikeloom.design_projection import ProjectionDesign
from spikeloom.design_rate import RateAttention
from spikeloom.design_residual import ResidualDesign
from spikeloom.design_state_space import StateSpace
from spikeloom.golden.attention_model import AttentionModel
from spikeloom.golden.integer_model import IntegerModel
from spikeloom.golden.mask import MaskModel
from spikeloom.golden.model import Model
from spikeloom.golden.projection import ProjectionModel
from spikeloom.golden.rate import RateModel
from spikeloom.golden.residual import ResidualModel
from spikeloom.golden.state_space import StateSpaceModel

__all__ = ["model"]

_MODELS: Mapping[type[Layer], Callable[[Any], Model]] = {
    Design: AttentionModel,
    MaskDesign: MaskModel,
    ProjectionDesign: ProjectionModel,
    ResidualDesign: ResidualModel,
    IntegerAttention: IntegerModel,
    RateAttention: RateModel,
    StateSpace: StateSpaceModel,
}


def model(design: Layer) -> Model:
    """Give the golden model of a layer of any kind."""
    return _MODELS[type(design)](design)
