"""Design files: which kinds there are, how one is read, and their JSON Schema."""

from pathlib import Path
from typing import Any

from spikeloom.design.base import Design
from spikeloom.design.read import read_toml
from spikeloom.kinds import KINDS, part

__all__ = ["load_design", "schema"]


def load_design(path: Path | str) -> Design:
    """Read and validate a design file.

    Raises :exc:`DesignError`, one line ``file: key: value: what is allowed``, and nothing else.
    """
    path = Path(path)
    return Design.from_dict(read_toml(path), folder=path.parent, file=str(path))


def schema() -> dict[str, Any]:
    """Return the JSON Schema of design files, with which editors complete and check them."""
    parts: dict[str, Any] = {}
    kinds: list[dict[str, Any]] = []
    for name in KINDS:
        model = part(name, "design")
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
