"""Design files: which kinds there are, how one is read, and their JSON Schema."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikeloom.design import Design
from spikeloom.design_integer import IntegerAttention
from spikeloom.design_layer import Layer
from spikeloom.design_mask import MaskDesign
from spikeloom.design_projection import ProjectionDesign
from spikeloom.design_rate import RateAttention
from spikeloom.design_read import DesignError, read_toml, show
from spikeloom.design_residual import ResidualDesign
from spikeloom.design_state_space import StateSpace

__all__ = ["KINDS", "load_design", "read_design", "schema"]

KINDS: Mapping[str, type[Layer]] = {
    "attention": Design,
    "integer-attention": IntegerAttention,
    "rate-attention": RateAttention,
    "mask": MaskDesign,
    "state-space": StateSpace,
    "projection": ProjectionDesign,
    "residual": ResidualDesign,
}
"""Kinds of layers by the value of the key ``kind``; without the key it is the first."""


def load_design(path: Path | str) -> Layer:
    """Read and validate a design file.

    Raises :exc:`DesignError`, one line ``file: key: value: what is allowed``, and nothing else.
    """
    path = Path(path)
    return read_design(read_toml(path), folder=path.parent, file=str(path))


def read_design(data: Mapping[str, object], *, folder: Path | str = ".", file: str = "") -> Layer:
    """Validate a dictionary of any kind; see :meth:`Layer.from_dict`."""
    kind = data.get("kind", next(iter(KINDS))) if isinstance(data, Mapping) else None
    if isinstance(data, Mapping) and (not isinstance(kind, str) or kind not in KINDS):
        raise DesignError("kind", show(kind), f"must be one of {', '.join(KINDS)}", file)
    return KINDS.get(str(kind), Design).from_dict(data, folder=folder, file=file)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of design files, with which editors complete and check them."""
    parts: dict[str, Any] = {}
    kinds: list[dict[str, Any]] = []
    for name, model in KINDS.items():
        made = _prune(model.model_json_schema(mode="validation"))
        parts |= made.pop("$defs", {})
        # Editors show it: the first sentence, without what only Python's readers want.
        # With -OO there is none.
        made["description"] = made.get("description", "").partition("\n\n")[0].replace("\n", " ")
        parts[model.__name__] = made
        said = {"properties": {"kind": {"const": name}}}
        # The first kind is what a file without the key is.
        needed = {"required": ["kind"]} if kinds else {}
        kinds.append({"if": {**said, **needed}, "then": {"$ref": f"#/$defs/{model.__name__}"}})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Spikeloom design",
        "description": "A layer of a spiking transformer, for spikeloom generate.",
        "type": "object",
        "properties": {"kind": {"enum": list(KINDS)}},
        "allOf": kinds,
        "$defs": parts,
    }


def _prune(node: Any) -> Any:
    """Drop what TOML cannot say (null) and titles that only repeat the name of a key."""
    if isinstance(node, list):
        return [_prune(item) for item in node if item != {"type": "null"}]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        default = key == "default" and (value is None or isinstance(value, dict))
        if not ((key == "title" or default) and isinstance(value, (str, dict, type(None)))):
            kept[key] = _prune(value)
    if len(kept.get("anyOf", ())) == 1:
        kept |= kept.pop("anyOf")[0]
    return kept
