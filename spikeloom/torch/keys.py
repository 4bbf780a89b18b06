"""Keys of a network's design, from a mapping or from an object with attributes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.design.mask import MaskDesign
from spikeloom.design.network.sections import DENSE

__all__ = ["BlockKeys", "EncoderKeys", "NetworkKeys", "ReadoutKeys"]

_REQUIRED = object()
# What is not trained here, by section, with the only value of each key.
_ONLY: dict[str, dict[str, object]] = {
    "": {"neuron": "lif", "tau": 2, "decay": None, "fires": "at", "reset": "hard"},
    "encoder": {"kind": "linear", "coding": "direct", "fraction": 0},
    "readout": {"neurons": "tokens", "steps": "all"},
}
_ONLY_OF_BLOCKS: dict[str, object] = {"grid": None, "mlp_position": "none"}


def _get(source: Any, key: str, default: Any = _REQUIRED) -> Any:
    if isinstance(source, Mapping):
        value = source.get(key, default)
    else:
        value = getattr(source, key, default)
    if value is _REQUIRED:
        raise ValueError(f"Design must have the key {key}")
    return value


@dataclass(frozen=True)
class EncoderKeys:
    """Section ``encoder``; see :class:`NetworkKeys`."""

    inputs: int
    bits: int
    signed: bool
    weight_bits: int
    position: str

    @property
    def most_shift(self) -> int:
        """The greatest position_shift: the place of the highest bit of an input without sign."""
        return max(0, self.bits - self.signed - 1)

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest input."""
        if self.signed:
            return -(1 << self.bits - 1), (1 << self.bits - 1) - 1
        return 0, (1 << self.bits) - 1


@dataclass(frozen=True)
class BlockKeys:
    """A section of ``blocks``; see :class:`NetworkKeys`."""

    residual: str
    weight_bits: int
    hidden: int
    attention: AttentionDesign | MaskDesign

    @property
    def layers(self) -> tuple[str, ...]:
        """Its linear layers, in the order in which they are computed."""
        two = isinstance(self.attention, MaskDesign) and self.attention.attention != "sdsa"
        return tuple(name for name in DENSE if name != "value" or not two)


@dataclass(frozen=True)
class ReadoutKeys:
    """Section ``readout``; see :class:`NetworkKeys`."""

    outputs: int
    weight_bits: int
    groups: int


@dataclass(frozen=True)
class NetworkKeys:
    """A design of kind ``network``, as far as training wants it."""

    tokens: int
    dim: int
    steps: int
    fraction: int
    encoder: EncoderKeys
    blocks: tuple[BlockKeys, ...]
    readout: ReadoutKeys

    @property
    def membrane(self) -> bool:
        """Whether residual connections add drives."""
        return self.blocks[0].residual == "membrane"

    @classmethod
    def read(cls, design: Any) -> "NetworkKeys":
        """Read a design, a mapping as its TOML file has it or an object of the same attributes.

        Raises :exc:`ValueError` for a key that is missing or that says what cannot be trained here,
        and :exc:`spikeloom.design.DesignError`, which is one, for keys of an attention.
        """
        shape = {key: _get(design, key) for key in ("tokens", "dim", "steps")}
        for section, keys in _ONLY.items():
            _check_only(section, _get(design, section) if section else design, keys)
        for n, block in enumerate(_get(design, "blocks")):
            _check_only(f"blocks.{n}", block, _ONLY_OF_BLOCKS)
        encoder, readout = _get(design, "encoder"), _get(design, "readout")
        made = cls(
            **shape,
            fraction=_get(design, "fraction", 4),
            encoder=EncoderKeys(
                inputs=_get(encoder, "inputs"),
                bits=_get(encoder, "bits", 8),
                signed=_get(encoder, "signed", True),
                weight_bits=_get(encoder, "weight_bits", 8),
                position=_get(encoder, "position", "none"),
            ),
            blocks=tuple(_block(block, shape) for block in _get(design, "blocks")),
            readout=ReadoutKeys(
                outputs=_get(readout, "outputs"),
                weight_bits=_get(readout, "weight_bits", 8),
                groups=_get(readout, "groups", 1),
            ),
        )
        made._check()
        return made

    def _check(self) -> None:
        if not self.blocks:
            raise ValueError("blocks must be one or more")
        _one_of("encoder.position", self.encoder.position, ("absolute", "none"))
        for block in self.blocks:
            _one_of("blocks.residual", block.residual, ("or", "iand", "xor", "add", "membrane"))


def _check_only(section: str, source: Any, keys: Mapping[str, object]) -> None:
    for key, only in keys.items():
        value = _get(source, key, only)
        if value != only:
            name = f"{section}.{key}".lstrip(".")
            raise ValueError(f"{name} must be {only!r} to be trained here, not {value!r}")


def _one_of(key: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{key} must be one of {', '.join(allowed)}, not {value!r}")


def _block(block: Any, shape: Mapping[str, int]) -> BlockKeys:
    attention = _get(block, "attention")
    if isinstance(attention, Mapping):
        kind = MaskDesign if attention.get("kind") == "mask" else AttentionDesign
        attention = kind.from_dict({**attention, **shape})
    return BlockKeys(
        residual=_get(block, "residual", "or"),
        weight_bits=_get(block, "weight_bits", 2),
        hidden=_get(block, "hidden"),
        attention=attention,
    )
