"""The golden model of every kind of layer."""

from collections.abc import Callable, Mapping
from typing import Any

from spikeloom.design import Design
from spikeloom.design_integer import IntegerAttention
from spikeloom.design_layer import Layer
from spikeloom.design_rate import RateAttention
from spikeloom.golden.attention_model import AttentionModel
from spikeloom.golden.integer_model import IntegerModel
from spikeloom.golden.model import Model
from spikeloom.golden.rate import RateModel

__all__ = ["model"]

_MODELS: Mapping[type[Layer], Callable[[Any], Model]] = {
    Design: AttentionModel,
    IntegerAttention: IntegerModel,
    RateAttention: RateModel,
}


def model(design: Layer) -> Model:
    """Give the golden model of a layer of any kind."""
    return _MODELS[type(design)](design)
