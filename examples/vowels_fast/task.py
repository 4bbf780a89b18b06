"""JapaneseVowels for a network that is to be fast: five bits of an input, four of its weights.

An engine that counts bits counts each bit of the encoder's inputs with each bit of its weights.
"""

from dataclasses import replace

import numpy as np
from japanese_vowels.task import TASK as WHOLE
from tasks import Split, Task, torch_noise, variant

__all__ = ["TASK"]

BITS = 5
_COARSER = 1 << WHOLE.design["encoder"]["bits"] - BITS
_LOW, _HIGH = -(1 << BITS - 1), (1 << BITS - 1) - 1


def splits() -> tuple[Split, Split]:
    """Return both splits with fewer bits."""

    def coarser(split: Split) -> Split:
        x = np.clip(np.rint(split.x / _COARSER), _LOW, _HIGH).astype(np.int8)
        return Split(x, split.length, split.y)

    train, test = WHOLE.splits()
    return coarser(train), coarser(test)


KEYS = {"name": "vowels-fast", "encoder.bits": BITS, "encoder.weight_bits": 4}

TASK: Task = replace(
    WHOLE,
    name="vowels_fast",
    design=variant(WHOLE.design, KEYS),
    splits=splits,
    augment=torch_noise(0.8, _LOW, _HIGH),
    variants={
        "without position": {"encoder.position": "none"},
        "two bits, without position": {"encoder.weight_bits": 2, "encoder.position": "none"},
    },
)
