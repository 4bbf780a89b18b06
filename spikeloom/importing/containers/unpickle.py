"""Pickles without their code: tensors, and the plain data that stands beside them.

A pickle names functions and classes that Python would call. Here each name that PyTorch, NumPy or
argparse writes for data stands for a function of this module, and any other is refused.
"""

import io
import pickle
import pickletools
from collections.abc import Callable, Mapping
from math import prod
from typing import Any, Final, Protocol

import numpy as np

from spikeloom.errors import words
from spikeloom.files import FormatError
from spikeloom.importing.containers.tensor import TYPES, Tensor, check_place

__all__ = ["LONGEST", "Storage", "end", "unpickle"]

LONGEST: Final = 1 << 22
"""Bytes of a pickle at most: names and shapes, without the numbers of tensors."""

_MEMO = ("PUT", "BINPUT", "LONG_BINPUT")

_STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}


class Storage(Protocol):
    """A row of numbers of one type in the file."""

    @property
    def type(self) -> str:
        """One of :data:`~spikeloom.importing.containers.tensor.TYPES`."""

    @property
    def count(self) -> int:
        """How many numbers."""

    def view(
        self, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
    ) -> np.ndarray[Any, Any]:
        """Read a tensor that lies in it."""


class _Data(dict[Any, Any]):
    """A dictionary, and what stands for objects of attributes."""

    def __setstate__(self, state: object) -> None:
        if isinstance(state, Mapping):
            self.update(state)


class _Ordered(dict[Any, Any]):
    """An OrderedDict, of which attributes such as the versions of modules are left out."""

    def __setstate__(self, state: object) -> None:
        pass


class _Type:
    """NumPy's type of numbers, from its code such as ``f4``."""

    def __init__(self, code: object = "", *_: object):
        self.code = code if isinstance(code, str) else ""
        self.order = "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = ">" if state[1] == ">" else "<"

    def array(self, data: object) -> np.ndarray[Any, Any]:
        if self.code not in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "b1"):
            raise FormatError(f"NumPy type {self.code!r}: must be of numbers")
        if not isinstance(data, bytes):
            raise FormatError("NumPy data: must be bytes")
        return np.frombuffer(data, np.dtype(self.order + self.code))


class _Array:
    """An array of NumPy, of which a row of numbers is kept."""

    def __init__(self, *_: object):
        self.values: list[Any] = []

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.values = state[2].array(state[4]).tolist()


def _scalar(kind: _Type, data: bytes) -> object:
    return kind.array(data)[0].item()


def _tensor(storage: Any, offset: int, shape: Any, strides: Any, *_: object) -> Tensor:
    if not hasattr(storage, "view"):
        raise FormatError("a tensor must name its storage")
    place = (int(offset), tuple(map(int, shape)), tuple(map(int, strides)))
    check_place(storage.count, *place)
    size = np.dtype(TYPES[storage.type]).itemsize
    cost = prod(place[1]) * size
    return Tensor(place[1], storage.type, cost, lambda: storage.view(*place))


def _parameter(data: object, *_: object) -> object:
    return data


def _subclass(_function: object, _kind: object, arguments: Any, *_: object) -> Tensor:
    return _tensor(*arguments)


def _encode(text: str, *_: object) -> bytes:
    return text.encode("latin-1")


# Of what is not text, the text could be longer than all memory: lists may share their entries.
def _path(*parts: object) -> str:
    return "/".join(part for part in parts if isinstance(part, str))


def _name(text: object = "", *_: object) -> str:
    return text if isinstance(text, str) else ""


def _empty(*_: object) -> _Data:
    return _Data()


_NUMPY = {"_reconstruct": _Array, "scalar": _scalar}

_KNOWN: Mapping[str, Mapping[str, object]] = {
    "torch._utils": {
        "_rebuild_tensor": _tensor,
        "_rebuild_tensor_v2": _tensor,
        "_rebuild_parameter": _parameter,
        "_rebuild_parameter_with_state": _parameter,
    },
    "torch._tensor": {"_rebuild_from_type_v2": _subclass},
    "torch": {
        "Size": tuple,
        "device": _name,
        **{name: name for name in _STORAGES},
        **{name: f"torch.{name}" for name in TYPES},
    },
    "torch.nn.parameter": {"Parameter": "Parameter"},
    "collections": {"OrderedDict": _Ordered, "defaultdict": _empty, "Counter": _Data},
    "argparse": {"Namespace": _Data},
    "builtins": {
        **{"dict": _Data, "set": set, "frozenset": frozenset, "complex": complex},
        # What a defaultdict makes of nothing: only named, and never called.
        **{name: name for name in ("list", "tuple", "int", "float", "str", "bool")},
    },
    "numpy": {"ndarray": "ndarray", "dtype": _Type},
    "numpy.core.multiarray": _NUMPY,
    "numpy._core.multiarray": _NUMPY,
    "_codecs": {"encode": _encode},
    "pathlib": dict.fromkeys(("Path", "PosixPath", "PurePosixPath", "WindowsPath"), _path),
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, storage: Callable[..., Storage]):
        super().__init__(io.BytesIO(data), encoding="latin-1")
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        found = _KNOWN.get("builtins" if module == "__builtin__" else module, {}).get(name)
        if found is None and (name.startswith("_rebuild_") or name.endswith("Storage")):
            raise FormatError(
                f"names {module}.{name}: tensors must be dense, of type {', '.join(TYPES)}"
            )
        if found is None:
            raise FormatError(
                f"names {module}.{name}, which is no data: must be a state dict, as "
                "torch.save(model.state_dict(), ...) writes it"
            )
        return found

    def persistent_load(self, key: Any) -> Storage:
        if not isinstance(key, tuple) or len(key) < 5 or key[0] != "storage":
            raise FormatError("holds objects beside its storages: must be a state dict")
        _, kind, name, _, count = key[:5]
        if not isinstance(kind, str) or kind not in _STORAGES:
            raise FormatError(f"storage: must be of type {', '.join(_STORAGES)}")
        if not isinstance(name, str) or not isinstance(count, int) or count < 0:
            raise FormatError("a storage must have a name and a length")
        return self._storage(_STORAGES[kind], name, count, *key[5:])


def end(data: bytes, start: int = 0) -> int:
    """Return where the pickle ends that begins at ``start``, once it is sound.

    Raises
    ------
    FormatError
        It is damaged or longer than :data:`LONGEST`, or would take more memory than its length
        accounts for.
    """
    file = io.BytesIO(data[start : start + LONGEST])
    try:
        for opcode, argument, _ in pickletools.genops(file):
            # Python's own reader makes room for as many objects as the number says.
            if opcode.name in _MEMO and not 0 <= int(argument or 0) <= len(data):
                raise FormatError("must be a pickle: it is damaged")
    except FormatError:
        raise
    # What a damaged pickle raises depends on where it is damaged.
    except Exception:
        long = f", of at most {LONGEST >> 20} MiB" if len(data) - start > LONGEST else ""
        raise FormatError(f"must be a whole pickle{long}") from None
    return start + file.tell()


def unpickle(data: bytes, storage: Callable[..., Storage]) -> object:
    """Return what a pickle holds, as :class:`Tensor` and plain data.

    Parameters
    ----------
    data : bytes
        The pickle.
    storage : callable
        Gives a :class:`Storage` for its type, name and count, and what else PyTorch says of it.

    Raises
    ------
    FormatError
        It is damaged, or names code.
    """
    end(data)
    try:
        return _Unpickler(data, storage).load()
    except FormatError:
        raise
    # As above; and objects are put together from whatever the pickle says.
    except Exception as error:
        raise FormatError(f"must be a pickle of tensors: {words(error)}") from None
