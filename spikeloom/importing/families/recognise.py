"""Which family a checkpoint is of."""

from collections.abc import Mapping, Sequence
from typing import Final

from spikeloom.design.read import DesignError
from spikeloom.importing.checkpoint import Checkpoint
from spikeloom.importing.families.family import Family, Found
from spikeloom.importing.families.membrane import (
    MaxFormer,
    SpikeDriven,
    Spikingformer,
    SpikingformerImagenet,
)
from spikeloom.importing.families.metaformer import SpikeDrivenV2
from spikeloom.importing.families.names import Names, nearest, without_prefix
from spikeloom.importing.families.qkformer import JellyQKFormer, QKFormer, QKFormerImagenet
from spikeloom.importing.families.seqsnn import (
    ISpikformer,
    Spikformer,
    SpikformerCPG,
    SpikformerXnor,
)
from spikeloom.importing.families.spikformer import JellySpikformer, SpikformerImagenet
from spikeloom.importing.families.spikformer import Spikformer as PictureSpikformer

__all__ = ["FAMILIES", "recognise"]

FAMILIES: Final[Sequence[Family]] = (
    Spikformer(),
    SpikformerXnor(),
    SpikformerCPG(),
    ISpikformer(),
    PictureSpikformer(),
    SpikformerImagenet(),
    JellySpikformer(),
    QKFormer(),
    QKFormerImagenet(),
    JellyQKFormer(),
    Spikingformer(),
    SpikingformerImagenet(),
    SpikeDriven(),
    SpikeDrivenV2(),
    MaxFormer(),
)
"""All that are known, in the order of the manual."""

_ENOUGH: Final = 0.5
"""Names that a checkpoint and a family must share for the family to be meant."""


def recognise(checkpoint: Checkpoint) -> Found:
    """Return the family that a checkpoint is of, whatever the order and prefix of its names.

    Raises
    ------
    DesignError
        No family has such names; or one does, but for a tensor that is missing or too much, which
        is named, with the name that it may have been meant for.
    """
    best, found, likeness = None, None, 0.0
    for family in FAMILIES:
        names = without_prefix(checkpoint.tensors, family.anchor)
        like = family.names(names).likeness(names)
        if like > likeness:
            best, found, likeness = family, names, like
    if best is None or found is None or likeness < _ENOUGH:
        first = next(iter(checkpoint.tensors), "")
        known = ", ".join(family.title for family in FAMILIES)
        allowed = f"is of no known family: {known}"
        raise DesignError(f"tensor {first}", "", allowed, checkpoint.file)
    _check(checkpoint.file, best, found, best.names(found))
    return Found(best, found)


def _check(file: str, family: Family, found: Mapping[str, str], names: Names) -> None:
    """Refuse a checkpoint that lacks a tensor of its family, or has one that the family has not."""
    missing = [name for name in names.required if name not in found]
    odd = [name for name in found if not names.known(name)]
    if odd:
        name = odd[0]
        meant = nearest(name, missing or [*names.required, *names.optional])
        allowed = f"is no tensor of {family.title}: did you mean {meant}?"
        raise DesignError(f"tensor {found[name]}", "", allowed, file)
    if missing:
        allowed = f"is missing: {family.title} has it"
        raise DesignError(f"tensor {missing[0]}", "", allowed, file)
