"""Rules that span several keys of a design file: refusals, warnings, and wording of errors."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from spikeloom.design_float import tie_warnings
from spikeloom.design_name import LONGEST
from spikeloom.design_neuron import NeuronDesign
from spikeloom.design_read import DesignError, show

if TYPE_CHECKING:
    from spikeloom.design import Design

__all__ = ["check", "explain", "neuron_warnings", "warn"]


def check(design: "Design") -> None:
    """Raise :exc:`DesignError` for the first combination of keys that has no meaning."""
    if design.dim % design.heads:
        raise DesignError("dim", show(design.dim), f"must be a multiple of heads ({design.heads})")
    given = design.model_fields_set
    if design.similarity == "alpha-xnor":
        if design.alpha is None:
            raise DesignError("alpha", "", "missing: similarity alpha-xnor needs it, from 0 to 1")
    else:
        for key in ("alpha", "alpha_bits"):
            if key in given:
                reason = f"has a meaning with similarity alpha-xnor only, not {design.similarity}"
                raise DesignError(key, _written(getattr(design, key)), reason)
    for key in ("scale", "alpha"):
        value = getattr(design, key)
        if isinstance(value, tuple) and len(value) != design.heads:
            allowed = f"must be one number, or a list of one a head ({design.heads})"
            raise DesignError(key, f"{len(value)} numbers", allowed)
    for section in ("gray", "log", "shift", "table"):
        if section in given and section not in design.position:
            raise DesignError(section, "", f"has a meaning with position {section} only")
    if "gray" in design.position:
        _check_gray(design)
    if "log" in design.position:
        _check_log(design)
    if "shift" in design.position:
        _check_shift(design)
    if "table" in design.position:
        _check_table(design)
    _check_gate(design)
    _check_folding(design)


def _written(value: object) -> str:
    """Write a number or numbers as the design file may have them."""
    return show([str(x) for x in value] if isinstance(value, tuple) else str(value))


def _check_gray(design: "Design") -> None:
    gray = design.gray
    if gray.grid is None:
        if isinstance(gray.bits, tuple):
            raise DesignError("gray.bits", show(list(gray.bits)), "must be one integer: no grid")
        return
    _check_grid("gray.grid", gray.grid, design)
    if isinstance(gray.bits, int) or (gray.bits is not None and len(gray.bits) != 2):
        raise DesignError("gray.bits", show(gray.bits), "must be a list of two beside a grid")
    if gray.index != "l":
        raise DesignError("gray.index", show(gray.index), "must be 'l' beside a grid")


def _check_grid(key: str, grid: tuple[int, int], design: "Design") -> None:
    if grid[0] * grid[1] != design.tokens:
        allowed = f"must hold as many places as there are tokens ({design.tokens})"
        raise DesignError(key, show(list(grid)), allowed)


def _check_log(design: "Design") -> None:
    if design.log.definition == "code" and design.tokens > design.log_length:
        allowed = (
            f"must be at least tokens ({design.tokens}): the published code has a matrix of length "
            "rows and nothing beyond it"
        )
        raise DesignError("log.length", show(design.log_length), allowed)
    if design.log.definition == "code" and "form" in design.log.model_fields_set:
        if design.log.form == "logic":
            allowed = "must be 'rom': the matrix of the published code is not a set of thresholds"
            raise DesignError("log.form", show(design.log.form), allowed)


def _check_shift(design: "Design") -> None:
    shift = design.shift
    if design.head_dim % shift.groups:
        allowed = f"must divide the channels of a head ({design.head_dim})"
        raise DesignError("shift.groups", show(shift.groups), allowed)
    if shift.grid is not None:
        _check_grid("shift.grid", shift.grid, design)
        if shift.groups % 2:
            allowed = "must be even beside a grid: half of the groups for rows, half for columns"
            raise DesignError("shift.groups", show(shift.groups), allowed)
    if shift.values is None:
        return
    key = "shift.values" if shift.file is None else "shift.file"
    for name in ("base", "rounding", "grid"):
        if name in shift.model_fields_set:
            allowed = f"must not stand beside {key}, which replaces the formula"
            given = getattr(shift, name)
            value = str(given) if name == "base" else show(list(given) if name == "grid" else given)
            raise DesignError(f"shift.{name}", value, allowed)
    shape = f"{len(shift.values)} x {sorted({len(row) for row in shift.values})[0]} integers"
    if len(shift.values) != shift.groups or {len(r) for r in shift.values} != {design.tokens}:
        allowed = f"must hold groups x tokens ({shift.groups} x {design.tokens}) integers"
        raise DesignError(key, shape, allowed)


def _check_table(design: "Design") -> None:
    table = design.table
    key = "table.values" if table.file is None else "table.file"
    if table.values is None:
        raise DesignError("table", "", "missing: position table needs table.file or table.values")
    if len(table.values) not in (1, design.heads):
        allowed = f"must be one list of integers, or one a head ({design.heads})"
        raise DesignError(key, f"{len(table.values)} lists", allowed)
    if table.index == "difference":
        entries, formula = 2 * design.tokens - 1, "2*tokens-1"
    else:
        entries, formula = 1 << (design.tokens - 1).bit_length(), "tokens to the next power of two"
    low, high = -(1 << table.bits - 1), (1 << table.bits - 1) - 1
    for row in table.values:
        if len(row) != entries:
            allowed = f"must hold {entries} entries ({formula}) with index {table.index}"
            raise DesignError(key, f"{len(row)} entries", allowed)
        for entry in row:
            if not low <= entry <= high:
                allowed = f"must be an integer from {low} to {high} (table.bits = {table.bits})"
                raise DesignError(key, show(entry), allowed)


def _check_gate(design: "Design") -> None:
    if design.gate is None:
        return
    high = design.channels
    low = -high if design.similarity == "hamming" else 0
    if "log" in design.position:
        high += (design.log_length - 1).bit_length()
    if "table" in design.position:
        values = [entry for row in design.table.values or () for entry in row]
        low, high = low + min(values), high + max(values)
    if not low < design.gate <= high:
        allowed = f"must be an integer from {low + 1} to {high}: the scores lie in {low} .. {high}"
        raise DesignError("gate", show(design.gate), allowed)


def _check_folding(design: "Design") -> None:
    folding = design.folding
    if folding.rows > design.tokens:
        allowed = f"must be an integer from 1 to tokens ({design.tokens})"
        raise DesignError("folding.rows", show(folding.rows), allowed)
    if folding.rows & folding.rows - 1:
        raise DesignError("folding.rows", show(folding.rows), "must be a power of two")
    if design.heads % folding.heads:
        allowed = f"must divide the heads ({design.heads})"
        raise DesignError("folding.heads", show(folding.heads), allowed)
    own = len(design.table.values or ()) > 1 or len(set(design.kappas)) > 1
    if folding.heads > 1 and design.neuron == "none" and own:
        reason = "must be 1: drives of heads with a table or alpha of their own differ in width"
        raise DesignError("folding.heads", show(folding.heads), reason)
    lanes, beat, width = design.lanes, design.beat, design.head_dim
    if lanes > width or (lanes != width and beat % lanes and lanes % beat):
        allowed = (
            f"must be at most dim/heads ({width}), and equal to it, a divisor of the beat ({beat}) "
            "or a multiple of the beat"
        )
        raise DesignError("folding.lanes", show(lanes), allowed)
    if folding.spikes > 1:
        _check_spikes(design)
    if design.order == "score":
        return
    if folding.rows > 1:
        reason = "rows of scores do not exist in state order: must be 1"
        raise DesignError("folding.rows", show(folding.rows), reason)
    if design.gate is not None:
        reason = (
            "must be 'score': a gate decides for every pair of tokens, and no function of the "
            "state does"
        )
        raise DesignError("folding.order", show(folding.order), reason)
    if "table" in design.position or ("log" in design.position and design.log.definition == "code"):
        reason = (
            "must be 'score': a bias that is an arbitrary matrix over the pairs of tokens is not a "
            "function of the state"
        )
        raise DesignError("folding.order", show(folding.order), reason)


def _check_spikes(design: "Design") -> None:
    spikes = show(design.folding.spikes)
    if design.order == "score":
        raise DesignError("folding.spikes", spikes, "spikes are counted in state order: must be 1")
    if design.similarity != "and":
        reason = f"has a meaning with similarity and only, not {design.similarity}: must be 1"
        raise DesignError("folding.spikes", spikes, reason)
    if "log" in design.position:
        reason = "windows of Log-PE go by one spike a cycle: must be 1"
        raise DesignError("folding.spikes", spikes, reason)
    if design.neuron != "none" and len(set(design.thresholds_exact)) > 1:
        reason = "a scale a head goes by one spike a cycle: must be 1"
        raise DesignError("folding.spikes", spikes, reason)
    if design.folding.heads > 1:
        reason = "heads in parallel go by one spike a cycle: must be 1"
        raise DesignError("folding.spikes", spikes, reason)


def warn(design: "Design") -> tuple[str, ...]:
    """Return what is computed exactly but may not be what was meant."""
    return tuple(_warnings(design))


def _warnings(design: "Design") -> Iterator[str]:
    yield from _similarity_warnings(design)
    yield from _position_warnings(design)
    if design.gate is not None and (design.similarity != "and" or design.position):
        yield f"gate: with {_named(design)} is in no published model"
    yield from neuron_warnings(design)


def _named(design: "Design") -> str:
    return " and ".join((design.similarity, *design.position))


def _similarity_warnings(design: "Design") -> Iterator[str]:
    if design.similarity != "alpha-xnor":
        return
    if design.alpha_error:
        pairs = list(zip(design.alphas, design.alphas_exact, strict=True))
        head, (asked, exact) = max(enumerate(pairs), key=lambda item: abs(item[1][1] - item[1][0]))
        named = f" of head {head}" if isinstance(design.alpha, tuple) else ""
        yield (
            f"alpha: {float(asked):g}{named} is rounded to {design.kappas[head]}/"
            f"{1 << design.alpha_bits}, an error of {float(exact - asked):+g}"
        )
    if not any(design.kappas):
        yield "alpha: zero is the similarity and, which costs less"
    if set(design.kappas) == {1 << design.alpha_bits}:
        yield "alpha: one is the similarity xnor, which costs less"


def _position_warnings(design: "Design") -> Iterator[str]:
    similarity = design.similarity
    if "gray" in design.position:
        if similarity == "and":
            yield (
                "position: gray with and adds popcount(G(i) and G(j)), which depends on the "
                "absolute positions; the encoding is relative with xnor"
            )
        if similarity in ("alpha-xnor", "hamming"):
            yield f"position: gray with {similarity} is in no published model"
        count = design.tokens * (design.steps if design.gray.index == "t*L+l" else 1)
        sides = (count,) if design.gray.grid is None else design.gray.grid
        for side, bits in zip(sides, design.gray_bits, strict=True):
            if side > 1 << bits:
                yield (
                    f"gray.bits: {bits} bits have {1 << bits} codes for {side} positions: "
                    "the codes repeat as in a mirror"
                )
    if "log" in design.position:
        if similarity == "and":
            yield (
                "position: log with and is advised against by its paper, where it diverged on one "
                "data set; our measurements found it to train, and better than with xnor"
            )
        if similarity in ("alpha-xnor", "hamming"):
            yield f"position: log with {similarity} is in no published model"
        for section in ("gray", "shift"):
            if section in design.position and getattr(design, section).grid is not None:
                yield (
                    f"position: log beside {section}.grid takes the tokens of the picture as one "
                    "line; in two dimensions it did not converge in its paper, which dropped it"
                )
        if design.tokens > design.log_length:
            yield (
                f"log.length: {design.log_length} is less than tokens ({design.tokens}): "
                "distances beyond it have a bias of zero"
            )
        elif design.log_length <= 3:
            yield f"log.length: every bias is zero at length {design.log_length}"
    if "shift" in design.position and design.shift.grid is not None:
        grid, base = design.shift.grid, design.shift.base
        if design.shift.groups > 2 and 2 * (min(grid) - 1) <= base:
            yield (
                f"shift.base: {base} leaves groups of a picture of {grid[0]} x {grid[1]} where "
                "they are: their amounts all round to zero"
            )
        if "gray" in design.position and design.gray.grid not in (None, grid):
            yield "shift.grid: is another picture than gray.grid"
    if "shift" in design.position and design.group_dim == 1:
        yield "shift.groups: groups of one channel are not changed by a rotation"


def neuron_warnings(design: NeuronDesign) -> Iterator[str]:
    """Yield what is doubtful about a neuron, and keys that have no effect on it."""
    unused = {"lif": (), "if": ("tau", "decay_input")}.get(
        design.neuron, ("tau", "decay_input", "threshold", "scale", "reset")
    )
    for key in unused:
        if key in design.model_fields_set:
            yield f"{key}: has no effect with neuron {design.neuron}"
    if design.neuron == "none":
        return
    rough = [real for real in design.thresholds_exact if real.denominator & real.denominator - 1]
    if design.reset == "soft" and rough:
        yield (
            f"reset: soft, with a threshold of {float(rough[0]):g} in units of the "
            "drive, which no binary fraction holds: the threshold is rounded up and spikes may "
            "differ from the real-valued neuron"
        )
    bits = (design.tau.bit_length() - 1) * (design.steps - 1) if design.neuron == "lif" else 0
    yield from tie_warnings(design.scales, design.thresholds_exact, bits)
    if design.neuron == "lif" and design.tau > 2 and design.steps > 1:
        yield f"tau: {design.tau} takes {bits} fraction bits in the membrane to be exact"


def explain(model: type[BaseModel], error: ValidationError, file: str) -> DesignError:
    """Turn the first fault that pydantic found into a :exc:`DesignError`."""
    fault = error.errors(include_url=False)[0]
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
        return DesignError(key, "", f"missing: {_allowed(owner, path[-1])}", file)
    if kind in ("extra_forbidden", "invalid_key"):
        known = ", ".join(owner.model_fields)
        return DesignError(key, value, f"unknown key: the keys here are {known}", file)
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return DesignError(key, value, f"must be a section, [{key}]", file)
    return DesignError(key, value, f"must be {_allowed(owner, path[-1])}", file)


def _walk(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[type[BaseModel], list[str]]:
    """Follow a location to the model that owns its last key; drop what pydantic adds to it."""
    owner, path = model, []
    for part in loc:
        text = str(part) if str(part).isprintable() else show(part)
        path.append(text if len(text) <= 60 else text[:57] + "...")
        field = owner.model_fields.get(str(part))
        if field is None:
            break
        kind: Any = field.annotation
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            break
        if len(path) < len(loc):
            owner = kind
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
        for name in ("ge", "gt", "le", "pattern"):
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
    if "pattern" in bounds:
        return (
            "lower-case letters and digits from a letter on, in words with a - between them, "
            f"{LONGEST} characters at most"
        )
    if str in kinds:
        return "a string"
    return f"as described: {field.description}"


def _kinds(annotation: Any) -> Iterator[Any]:
    """Yield the types and the literal values that an annotation names, at any depth."""
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)
