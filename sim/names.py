"""Names of the variables behind signals that have none in RTLIL.

Amaranth names a signal after the variable that it is assigned to, and finds none for the first of
``first, last = Signal(), Signal()``: such signals are called ``$signal``, with a number. To name
them otherwise would give other netlists than those that were measured.
"""

import ast
import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from amaranth.back import rtlil  # type: ignore[attr-defined]
from amaranth.hdl import Fragment, Value
from amaranth.lib import wiring

from spikeloom.uncollected import uncollected

__all__ = ["named_rtlil", "spell"]

_UNNAMED = "$signal"
_MEMBER = "$signature__"


def named_rtlil(component: wiring.Component, name: str = "top") -> tuple[str, dict[str, str]]:
    """Convert ``component`` to RTLIL text as :func:`spikeloom.sim.verilog.to_rtlil` does.

    Returns
    -------
    str
        RTLIL.
    dict
        Hierarchical names of signals, below the top module, that begin with ``$`` in the RTLIL: for
        each the name that the source gives it.
    """
    ports = {
        "__".join(map(str, path)): (Value.cast(value), None)
        for path, _, value in component.signature.flatten(component)
    }
    with uncollected():
        fragment = Fragment.get(component, None)
        text, signals = rtlil.convert_fragment(fragment, ports, name, emit_src=False)
        return str(text), _variables(signals)


def spell(signal: str, names: Mapping[str, str]) -> str:
    """Write a signal as its source does, whatever stands behind its name.

    >>> spell("layer.engine.$signal$7 RDATA_3", {"layer.engine.$signal$7": "layer.engine.row"})
    'layer.engine.row RDATA_3'
    """
    own, space, rest = signal.partition(" ")
    return names.get(own, own) + space + rest


def _variables(signals: Mapping[Any, tuple[str, ...]]) -> dict[str, str]:
    """Name signals by the line that made them, in the order in which they were made."""
    found = {}
    lines: dict[tuple[str, tuple[str, int]], list[Any]] = defaultdict(list)
    for signal, path in signals.items():
        scope, own = ".".join(path[1:-1]), path[-1]
        if own.startswith(_MEMBER):
            found[_join(scope, own)] = _join(scope, own.removeprefix(_MEMBER).partition("$")[0])
        else:
            lines[scope, signal.src_loc].append((signal.duid, own))
    for (scope, (file, line)), made in lines.items():
        if not any(own.startswith(_UNNAMED) for _, own in made):
            continue
        variables = _assigned(file, line)
        if len(variables) != len(made):
            # Not all of them are in use: which ones is not known.
            variables = (f"({Path(file).name}:{line})",) * len(made)
        for (_, own), variable in zip(sorted(made), variables, strict=True):
            if own.startswith(_UNNAMED):
                found[_join(scope, own)] = _join(scope, variable)
    return found


def _join(*parts: str) -> str:
    return ".".join(part for part in parts if part)


@functools.cache
def _assigned(file: str, line: int) -> tuple[str, ...]:
    """List the variables that a line assigns, in order; none where it is no plain assignment."""
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.Assign) and node.lineno <= line <= (node.end_lineno or line):
            (target,) = node.targets[:1]
            return tuple(_variable_names([target]))
    return ()


@functools.cache
def _parsed(file: str) -> ast.Module:
    try:
        return ast.parse(Path(file).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        # A component from somewhere else: its signals keep the names that they have.
        return ast.Module(body=[], type_ignores=[])


def _variable_names(targets: Iterable[ast.expr]) -> Iterable[str]:
    for target in targets:
        if isinstance(target, ast.Tuple):
            yield from _variable_names(target.elts)
        elif isinstance(target, ast.Name):
            yield target.id
        elif isinstance(target, ast.Attribute):
            yield target.attr
