"""The JSON Schema of design files, with which editors complete, explain and check them."""

from typing import Any

from spikeloom.kinds import KINDS, part

__all__ = ["schema"]


def schema(kind: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema of design files.

    Language servers take the keys that they offer from ``anyOf``, of the branches that what is
    written fits. So every kind has a branch (under ``definitions``) that half a file fits: it knows
    the keys, asks for none but ``kind``, and refuses no unknown one. What a whole file must be is
    said behind ``allOf``, by kind (under ``$defs``).

    Parameters
    ----------
    kind : str or None
        Only files of this kind, one of :data:`spikeloom.kinds.KINDS`: a plain schema, for servers
        that offer the keys of every branch. By default files of all kinds.

    >>> sorted(schema("residual")["required"])
    ['dim', 'kind', 'steps', 'tokens']
    """
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Spikeloom design",
    }
    if kind is not None:
        parts = _parts(kind)
        whole = parts.pop(part(kind, "design").__name__)
        if kind != KINDS[0]:
            whole["required"] = ["kind", *whole.get("required", ())]
        return {**head, **whole, "$defs": parts}
    strict: dict[str, Any] = {}
    for name in KINDS:
        strict |= _parts(name)
    loose = _loose(strict)
    cases = []
    for name in KINDS:
        model = part(name, "design").__name__
        said: dict[str, Any] = {"properties": {"kind": {"const": name}}}
        if name != KINDS[0]:
            # The first kind is what a file without the key is.
            said["required"] = loose[model]["required"] = ["kind"]
        cases.append({"if": said, "then": {"$ref": f"#/$defs/{model}"}})
    return {
        **head,
        "description": "A layer of a spiking transformer, or a whole one.",
        "type": "object",
        "additionalProperties": True,
        "anyOf": [{"$ref": f"#/definitions/{part(name, 'design').__name__}"} for name in KINDS],
        "allOf": cases,
        "$defs": strict,
        "definitions": loose,
    }


def _parts(kind: str) -> dict[str, Any]:
    """Return the schemas of a kind and of its sections, by the names of their models."""
    model = part(kind, "design")
    made = _prune(model.model_json_schema(mode="validation"))
    parts: dict[str, Any] = made.pop("$defs", {})
    # With -OO there is none.
    return {**parts, model.__name__: {"description": "", **made}}


def _prune(node: Any) -> Any:
    """Drop what TOML cannot say (null), and titles that only repeat the name of a key.

    Of a description the first paragraph is kept: editors show it, and the rest is for readers of
    Python.
    """
    if isinstance(node, list):
        return [_prune(item) for item in node if item != {"type": "null"}]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        default = key == "default" and (value is None or isinstance(value, dict))
        if not ((key == "title" or default) and isinstance(value, (str, dict, type(None)))):
            kept[key] = _prune(value)
    if isinstance(said := kept.get("description"), str):
        kept["description"] = said.partition("\n\n")[0].replace("\n", " ")
    if len(kept.get("anyOf", ())) == 1:
        kept |= kept.pop("anyOf")[0]
    return kept


def _loose(node: Any) -> Any:
    """Return a schema for what is still being written: none but ``kind`` is needed, none unknown.

    A copy of the whole, as servers take twenty times as long to follow references to its keys.
    """
    if isinstance(node, list):
        return [_loose(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _loose(value) for key, value in node.items()}
    if isinstance(needed := kept.pop("required", None), list) and "kind" in needed:
        kept["required"] = ["kind"]
    if kept.get("additionalProperties") is False:
        kept["additionalProperties"] = True
    if "$ref" in kept:
        kept["$ref"] = kept["$ref"].replace("#/$defs/", "#/definitions/")
    return kept
