"""safetensors: a header in JSON, then the numbers.

Read here and not by the package of that name, whose NumPy side knows no bfloat16.
"""

import json
from collections.abc import Mapping
from math import prod
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.files import FormatError
from spikeloom.importing.containers.tensor import TYPES, Contents, Tensor, decode, read_bytes

__all__ = ["read_safetensors"]

# Bytes of the header: a thousand tensors take about a tenth of a MiB.
_LONGEST = 1 << 22

_CODES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}


def read_safetensors(file: IO[bytes]) -> Contents:
    """Read the header, and no tensor yet. The file must stay open while tensors are read.

    Raises
    ------
    FormatError
        It is damaged or cut short, or has tensors of other types than numbers.
    """
    size = file.seek(0, 2)
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if length > min(_LONGEST, size - 8):
        raise FormatError(f"header: must be of at most {min(_LONGEST, size - 8)} bytes")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_once)
    except FormatError:
        raise
    # Deep nesting and long numbers have errors of their own.
    except (ValueError, RecursionError):
        raise FormatError("header: must be JSON") from None
    if not isinstance(header, dict):
        raise FormatError("header: must be a JSON object")
    about = header.pop("__metadata__", None)
    start = 8 + length
    tree: dict[str, object] = {
        name: _tensor(file, start, size - start, name, entry) for name, entry in header.items()
    }
    if isinstance(about, Mapping):
        tree |= {name: text for name, text in about.items() if name not in tree}
    return Contents("safetensors", tree)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise FormatError("header: must name each key once")
    return found


def _tensor(file: IO[bytes], start: int, size: int, name: str, entry: object) -> Tensor:
    match entry:
        case {"dtype": str(code), "shape": list(shape), "data_offsets": [int(low), int(high)]}:
            pass
        case _:
            raise FormatError(f"{name}: must have dtype, shape and data_offsets")
    if code not in _CODES:
        raise FormatError(f"{name}: {code}: must be of type {', '.join(_CODES)}")
    if not all(type(n) is int and 0 <= n < 1 << 48 for n in shape) or len(shape) > 8:
        raise FormatError(f"{name}: shape: must be of at most 8 integers")
    kind = _CODES[code]
    count = prod(shape) * np.dtype(TYPES[kind]).itemsize
    if not 0 <= low <= high <= size:
        raise FormatError(f"{name}: bytes {low} to {high}: must lie within the {size} of the file")
    if high - low != count:
        raise FormatError(f"{name}: must take {count} bytes, not {high - low}")

    def read() -> NDArray[Any]:
        file.seek(start + low)
        return decode(read_bytes(file, count), kind).reshape(shape)

    return Tensor(tuple(shape), kind, count, read)
