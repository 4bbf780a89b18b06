"""Design files: what a layer is, read, checked and refused in one line."""

from spikeloom.design.base import Design
from spikeloom.design.file import load_design
from spikeloom.design.json_schema import schema
from spikeloom.design.read import DesignError

__all__ = ["Design", "DesignError", "load_design", "schema"]
