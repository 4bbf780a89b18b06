"""Wording of what pydantic refuses: one line, with the key, the value and what is allowed."""

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from spikeloom.design.names import LONGEST
from spikeloom.design.read import DesignError, show
from spikeloom.errors import nearest

__all__ = ["explain"]


def explain(model: type[BaseModel], error: ValidationError, file: str) -> DesignError:
    """Turn the first fault that pydantic found into a :exc:`DesignError`."""
    fault = _first(error.errors(include_url=False))
    owner, path = _walk(model, fault["loc"])
    kind = fault["type"]
    value = show(fault["input"])
    inner = fault.get("ctx", {}).get("error")
    if isinstance(inner, DesignError):
        if path and path[-1] == inner.key.split(".")[0]:
            path = path[:-1]
        return DesignError(".".join((*path, inner.key)), inner.value, inner.allowed, file)
    key = ".".join(path)
    if kind == "missing":
        needed = _allowed(owner, path[-1])
        if _is_section(owner, path[-1]):
            needed = f"needs a section, {_header(path)}"
        return DesignError(key, "", f"missing: {needed}", file)
    if kind in ("extra_forbidden", "invalid_key"):
        known = ", ".join(owner.model_fields)
        hint = _elsewhere(model, owner, path[-1]) or nearest(path[-1], owner.model_fields)
        return DesignError(key, value, f"unknown key: the keys here are {known}{hint}", file)
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return DesignError(key, value, f"must be a section, {_header(path)}", file)
    hint = nearest(fault["input"], _choices(owner, path[-1]))
    return DesignError(key, value, f"must be {_allowed(owner, path[-1])}{hint}", file)


def _first(faults: Sequence[Any]) -> Any:
    """Choose the fault to tell: of a key that is missing, the slip that was written for it."""
    for missing in (fault for fault in faults if fault["type"] == "missing"):
        for extra in (fault for fault in faults if fault["type"] == "extra_forbidden"):
            same = extra["loc"][:-1] == missing["loc"][:-1]
            if same and nearest(extra["loc"][-1], [str(missing["loc"][-1])]):
                return extra
    return faults[0]


def _elsewhere(model: type[BaseModel], owner: type[BaseModel], key: str) -> str:
    """Say where a key belongs that its owner does not have; nothing for a key of nobody."""
    if owner is not model and key in model.model_fields:
        return "; it stands above the first section"
    for name, field in model.model_fields.items():
        kind = field.annotation
        if _is_section(model, name) and key in getattr(kind, "model_fields", {}):
            return f"; [{name}] has it"
    return ""


def _choices(owner: type[BaseModel], key: str) -> list[str]:
    """List the words that a field accepts."""
    field = owner.model_fields.get(key)
    kinds = () if field is None else _kinds(field.annotation)
    return [kind for kind in kinds if isinstance(kind, str)]


def _is_section(owner: type[BaseModel], key: str) -> bool:
    field = owner.model_fields.get(key)
    kind = None if field is None else field.annotation
    kinds = get_args(kind) or (kind,)
    return all(isinstance(one, type) and issubclass(one, BaseModel) for one in kinds)


def _header(path: Sequence[str]) -> str:
    """Return the line that begins a section in TOML, which numbers no sections of a list."""
    names = ".".join(part for part in path if not part.isdecimal())
    return f"[[{names}]]" if path[-1].isdecimal() else f"[{names}]"


def _walk(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[type[BaseModel], list[str]]:
    """Follow a location to the model that owns its last key; drop what pydantic adds to it."""
    owner, path = model, []
    kind: Any = None
    for place, part in enumerate(loc):
        text = str(part) if str(part).isprintable() else show(part)
        path.append(text if len(text) <= 60 else text[:57] + "...")
        if isinstance(part, int):
            # A place in a list of sections.
            kind = next(iter(get_args(kind)), None)
        else:
            field = owner.model_fields.get(part)
            kind = None if field is None else field.annotation
        more = place + 1 < len(loc)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            owner = kind if more else owner
        elif not (more and isinstance(loc[place + 1], int)):
            break
    return owner, path


def _allowed(owner: type[BaseModel], key: str) -> str:
    """Say in words what a field accepts, from its declaration."""
    field = owner.model_fields.get(key)
    if field is None:
        return "a value of the kind that the schema names"
    kinds = list(_kinds(field.annotation))
    choices = [kind for kind in kinds if isinstance(kind, (str, int))]
    bounds: dict[str, Any] = {}
    for item in field.metadata:
        for name in ("ge", "gt", "le", "pattern", "min_length", "max_length"):
            if getattr(item, name, None) is not None:
                bounds[name] = getattr(item, name)
    if choices:
        return "one of " + ", ".join(str(choice) for choice in choices)
    if int in kinds and "ge" in bounds:
        return f"an integer from {bounds['ge']} to {bounds['le']}"
    if float in kinds and "gt" in bounds:
        return f"a number above {bounds['gt']} and at most {bounds['le']}"
    if bool in kinds:
        return "true or false"
    if "max_length" in bounds and "min_length" in bounds:
        return f"a list of {bounds['min_length']} to {bounds['max_length']} sections, [[{key}]]"
    if "pattern" in bounds and key == "name":
        return (
            "lower-case letters and digits from a letter on, in words with a - between them, "
            f"{LONGEST} characters at most"
        )
    if str in kinds and "pattern" not in bounds:
        return "a string"
    return f"as described: {field.description}"


def _kinds(annotation: Any) -> Iterator[Any]:
    """Yield the types and the literal values that an annotation names, at any depth."""
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)
