"""Checkpoints of any container: one state dict of tensors, and the plain data beside it."""

import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spikeloom.arrays import Archive
from spikeloom.design.read import DesignError, show
from spikeloom.errors import words
from spikeloom.files import Bounded, FormatError
from spikeloom.importing.containers.npz import read_npz
from spikeloom.importing.containers.safetensors import read_safetensors
from spikeloom.importing.containers.tensor import MOST, Contents, Tensor, most
from spikeloom.importing.containers.torch_legacy import MAGIC, read_legacy
from spikeloom.importing.containers.torch_zip import PICKLE, read_torch

__all__ = ["Checkpoint", "read_checkpoint"]

_KINDS = "torch.save (.pth, .pt, .pkl, .pth.tar), .safetensors or .npz"

# Bytes of a file; of what it holds, tensors that are not asked for are never read.
_LONGEST = 1 << 32
_MOST_TENSORS = 10_000
_LONGEST_NAME = 200

_AVERAGED: Final = ("state_dict_ema", "model_ema", "ema_state_dict", "ema")
_NAMES: Final = (
    # Best before last, and the whole before a part of it.
    *("best_params", "best_network_params"),
    *("state_dict", "model_state_dict", "model", "net", "network", "module", "params"),
)
_WRAPPERS: Final = ("module.", "_orig_mod.")

# What a report says of plain data: so many entries, so deep.
_MOST_EXTRA = 1000
_DEEPEST_EXTRA = 3
_LONGEST_TEXT = 1000


@dataclass(frozen=True)
class Checkpoint:
    """What was found in a file.

    Parameters
    ----------
    file : str
        The file.
    container : str
        What kind of file it is, in words.
    tensors : mapping
        Arrays by name, without the prefixes that ``notes`` says: float32, float64, int64 or bool.
        All numbers are finite and no array is empty.
    types : mapping
        For each tensor the type that it had in the file: float16 and bfloat16 became float32,
        integers int64.
    extra : mapping
        Plain data beside the tensors: dictionaries (of attributes too), lists, numbers, strings.
    notes : tuple of str
        What was chosen or left out on the way, a sentence each.
    """

    file: str
    container: str
    tensors: Mapping[str, NDArray[Any]]
    types: Mapping[str, str]
    extra: Mapping[str, object]
    notes: tuple[str, ...]


def read_checkpoint(path: Path, *, ema: bool = True) -> Checkpoint:
    """Read the state dict of a file. No code of the file is run, and PyTorch is not needed.

    Parameters
    ----------
    path : Path
        What ``torch.save`` wrote, or a ``.safetensors`` or ``.npz`` file; its name does not matter.
    ema : bool
        Whether to take averaged weights where there are any beside those of the last step.

    Raises
    ------
    DesignError
        The file is none of these, is damaged, names code, or holds more than
        :data:`~spikeloom.importing.containers.tensor.MOST` bytes of tensors; a tensor is empty, has
        numbers that are not finite, or a name that cannot be printed.
    """
    try:
        with _contents(path) as contents:
            return _read(str(path), contents, ema=ema)
    except FormatError as error:
        raise DesignError("", "", str(error), str(path)) from None
    except OSError as error:
        allowed = f"must be a file that can be read ({words(error)})"
        raise DesignError("", "", allowed, str(path)) from None


@contextmanager
def _contents(path: Path) -> Iterator[Contents]:
    """Open a file and see what it holds, whatever its name."""
    if path.exists() and not path.is_file():
        raise FormatError(f"must be a file: {_KINDS}")
    with Bounded(path) as file:
        size = file.seek(0, 2)
        if size > _LONGEST:
            found = f"{size / (1 << 30):.1f} GiB"
            raise FormatError(f"must be of at most {_LONGEST >> 30} GiB, not {found}")
        file.seek(0)
        head = file.read(len(MAGIC))
        if head.startswith(b"PK"):
            with _archive(file) as archive:
                pickles = [name for name in archive.namelist() if name.endswith(PICKLE)]
                if pickles:
                    yield read_torch(archive, pickles[0])
                    return
            with Archive(path) as arrays:
                yield read_npz(arrays)
        elif head == MAGIC:
            yield read_legacy(file)
        elif head[8:9] == b"{":
            yield read_safetensors(file)
        elif head.startswith(b"\x80"):
            raise FormatError("is a pickle that torch.save did not write: must be " + _KINDS)
        else:
            raise FormatError(f"must be a checkpoint: {_KINDS}")


def _archive(file: Bounded) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (OSError, FormatError):
        raise
    # Damage is found in whatever layer reads it: zipfile, struct.
    except Exception as error:
        raise FormatError(f"must be a whole ZIP archive: {words(error)}") from None


def _read(file: str, contents: Contents, *, ema: bool) -> Checkpoint:
    tree = contents.tree
    if not isinstance(tree, Mapping):
        raise FormatError(f"must hold a dictionary of tensors, not a {type(tree).__name__.lower()}")
    chosen, notes = _choose(tree, ema=ema)
    state, stripped = _strip(_own(tree[chosen] if chosen else tree))
    _check(file, state)
    extra = {key: value for key, value in tree.items() if key != chosen}
    return Checkpoint(
        file=file,
        container=contents.container,
        tensors={name: _numbers(file, name, tensor) for name, tensor in state.items()},
        types={name: tensor.type for name, tensor in state.items()},
        extra=_Plain().mapping(extra, 0),
        notes=(*notes, *stripped),
    )


def _own(tree: Mapping[Any, object]) -> dict[str, Tensor]:
    return {key: value for key, value in tree.items() if isinstance(value, Tensor)}


def _is_state(value: object) -> bool:
    """Say if this is a dictionary of tensors by name; plain numbers may stand among them."""
    if not isinstance(value, Mapping) or not _own(value):
        return False
    plain = (Tensor, int, float, type(None))
    return all(isinstance(k, str) and isinstance(v, plain) for k, v in value.items())


def _choose(tree: Mapping[Any, object], *, ema: bool) -> tuple[Any, tuple[str, ...]]:
    """Return the key of the state dict, None for the tree itself, and what to say about it."""
    if _own(tree):
        return None, ()
    found = [key for key, value in tree.items() if isinstance(key, str) and _is_state(value)]
    if not found:
        names = [show(key) for key in list(tree)[:8] if isinstance(key, str)]
        keys = ", ".join(names) or "no names"
        raise FormatError(f"must hold a dictionary of tensors by name; it holds {keys}")
    wanted = (*_AVERAGED, *_NAMES) if ema else (*_NAMES, *_AVERAGED)
    known = [key for key in wanted if key in found]
    if not known and len(found) > 1:
        several = ", ".join(map(show, found))
        raise FormatError(f"must hold one state dict, or one of a usual name, not {several}")
    key = (known or found)[0]
    others = [other for other in found if other != key]
    beside = f", and not {', '.join(map(show, others))}" if others else ""
    averaged = " (averaged weights)" if key in _AVERAGED else ""
    return key, (f"The tensors are those of {show(key)}{averaged}{beside}.",)


def _strip(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Drop what wrappers put before every name."""
    notes = []
    while prefix := next((p for p in _WRAPPERS if all(n.startswith(p) for n in state)), None):
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
        notes.append(f"The prefix {prefix} of every name is left out.")
    # SeqSNN's runner: its own head, and the network.
    prefix = "network."
    rest = [name for name in state if not name.startswith(prefix)]
    if len(rest) < len(state) and all(name.startswith("fc_out.") for name in rest):
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
        notes.append(f"The prefix {prefix} of names is left out.")
    return state, notes


def _check(file: str, state: Mapping[str, Tensor]) -> None:
    """Refuse what would not be read: before any of it is."""
    if len(state) > _MOST_TENSORS:
        raise FormatError(f"must hold at most {_MOST_TENSORS} tensors, not {len(state)}")
    left = MOST
    for name, tensor in state.items():
        if not isinstance(name, str) or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise FormatError(f"{show(name)}: names must be of at most {_LONGEST_NAME} letters")
        if 0 in tensor.shape:
            raise DesignError(name, f"shape {tensor.shape}", "must not be empty", file)
        left -= tensor.cost
        if left < 0:
            raise DesignError(name, "", f"tensors must be of at most {most()} together", file)


def _numbers(file: str, name: str, tensor: Tensor) -> NDArray[Any]:
    try:
        array = tensor.read()
    except OSError:
        raise
    except FormatError as error:
        raise DesignError(name, "", str(error), file) from None
    # As of archives: whatever layer finds the damage.
    except Exception as error:
        raise DesignError(name, "", f"must be a whole tensor: {words(error)}", file) from None
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        place = tuple(np.argwhere(~np.isfinite(array))[0].tolist())
        raise DesignError(name, f"{array[place]} at {place}", "must be a finite number", file)
    return array


class _Plain:
    """Plain data, of which no more is kept than a report can say."""

    def __init__(self) -> None:
        self._left = _MOST_EXTRA

    def mapping(self, value: Mapping[Any, object], depth: int) -> dict[str, object]:
        found = {}
        for key, entry in value.items():
            if isinstance(key, str) and len(key) <= _LONGEST_NAME:
                plain = self.value(entry, depth)
                if plain is not None:
                    found[key] = plain
            if not self._left:
                break
        return found

    def value(self, value: object, depth: int) -> object:
        """Return plain data; None for what is none, and where there is enough."""
        if not self._left:
            return None
        self._left -= 1
        match value:
            case bool():
                return value
            case int() if value.bit_length() < 64:
                return value
            case float():
                return value if math.isfinite(value) else str(value)
            case str():
                return value[:_LONGEST_TEXT]
            case Mapping() if depth < _DEEPEST_EXTRA and not _is_state(value):
                return self.mapping(value, depth + 1) or None
            case list() | tuple() if depth < _DEEPEST_EXTRA:
                listed = []
                for entry in value:
                    if not self._left:
                        break
                    listed.append(self.value(entry, depth + 1))
                return listed
            case _:
                return None
