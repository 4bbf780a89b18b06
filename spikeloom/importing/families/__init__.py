"""Families of published models, recognised by the names of their tensors."""

from spikeloom.importing.families.family import Found
from spikeloom.importing.families.recognise import FAMILIES, recognise

__all__ = ["FAMILIES", "Found", "recognise"]
