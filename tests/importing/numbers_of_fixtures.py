"""Numbers in the files of fixtures/."""

import numpy as np

TYPES = (
    *("float64", "float32", "float16", "bfloat16"),
    *("int64", "int32", "int16", "int8", "bool"),
)
LAYER = {
    "fc.weight": ((2, 3), "float32"),
    "fc.bias": ((2,), "float32"),
    "bn.running_var": ((2,), "float32"),
    "bn.num_batches_tracked": ((), "int64"),
}
LAST = 100
FC_OUT = 50


def tensor(shape, offset):
    """Numbers that every type holds exactly."""
    row = np.arange(offset, offset + np.prod(shape, dtype=int), dtype=np.float64)
    return row.reshape(shape)
