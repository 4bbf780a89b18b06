"""What the hardware of networks does not compute: designs that only the golden model answers."""

from collections.abc import Iterator

from spikeloom.design.attention import AttentionDesign
from spikeloom.design.network.design import NetworkDesign
from spikeloom.design.read import DesignError, show

__all__ = ["built_attention"]

_NEURON = {
    "neuron": "lif",
    "tau": 2,
    "decay": None,
    "fires": "at",
    "decay_input": True,
    "reset": "hard",
}
_JOINS = ("or", "iand")


def built_attention(design: NetworkDesign) -> AttentionDesign:
    """Return the attention layer that all blocks share.

    Raises :exc:`DesignError`, with the key that asks for it, for a network that cannot be built.
    """
    for key, found, allowed in _unbuilt(design):
        raise DesignError(key, found, f"{allowed} to be built; target golden computes it")
    attention = design.blocks[0].attention
    assert isinstance(attention, AttentionDesign)
    return attention


def _unbuilt(design: NetworkDesign) -> Iterator[tuple[str, str, str]]:
    """Give what is said in the design and not built: key, value and what is."""
    for key, only in _NEURON.items():
        if getattr(design, key) != only:
            yield key, show(_plain(getattr(design, key))), f"must be {_plain(only)}"
    encoder = design.encoder
    if encoder.kind != "linear":
        yield "encoder.kind", show(encoder.kind), "must be linear"
    if encoder.coding != "direct":
        yield "encoder.coding", show(encoder.coding), "must be direct"
    for n, block in enumerate(design.blocks):
        at = f"blocks.{n}"
        if block.residual not in _JOINS:
            yield f"{at}.residual", show(block.residual), f"must be one of {', '.join(_JOINS)}"
        if not isinstance(block.attention, AttentionDesign):
            yield f"{at}.attention.kind", show(block.attention.kind), "must be attention"
        if n and block.attention != design.blocks[0].attention:
            yield f"{at}.attention", "", "must be the same as that of blocks.0"


def _plain(value: object) -> object:
    """Give a value as a design file has it."""
    return value if value is None or isinstance(value, (bool, str)) else str(value)
