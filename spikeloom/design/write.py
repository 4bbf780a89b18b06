"""Design files and the integers beside them, as text and arrays to be written."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["smallest", "toml"]


def smallest(array: NDArray[np.int64]) -> NDArray[Any]:
    """Return integers in the smallest signed type that holds them.

    >>> smallest(np.array([-128, 127])).dtype, smallest(np.array([128])).dtype
    (dtype('int8'), dtype('int16'))
    """
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= array.min() and array.max() <= np.iinfo(kind).max:
            return array.astype(kind)
    return array


def toml(design: Mapping[str, Any]) -> str:
    """Return a design of numbers, strings, lists, tables and lists of tables as TOML.

    >>> print(toml({"a": 1, "b": {"c": "x", "d": {"e": True}}, "f": [{"g": 0.5}]}), end="")
    a = 1
    <BLANKLINE>
    [b]
    c = "x"
    <BLANKLINE>
    [b.d]
    e = true
    <BLANKLINE>
    [[f]]
    g = 0.5
    """
    return "\n".join(_section(design, "")) + "\n"


def _section(table: Mapping[str, Any], path: str) -> list[str]:
    lines = [f"{key} = {_value(v)}" for key, v in table.items() if not _is_table(v)]
    for key, value in table.items():
        name = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            lines += ["", f"[{name}]", *_section(value, name)]
        elif _is_table(value):
            for one in value:
                lines += ["", f"[[{name}]]", *_section(one, name)]
    return lines


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, (list, tuple)) and bool(value) and isinstance(value[0], Mapping)
    )


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(item) for item in value)}]"
    return repr(value)
