"""Fashion-MNIST: pictures of clothes, padded to 32 x 32; a token is a patch of 4 x 8 pixels.

Ref: H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking machine
learning algorithms, arXiv 1708.07747; as Debian's package dataset-fashion-mnist has it.
"""

import gzip
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from tasks import Split, Task, accuracy, cross_entropy, design, torch_noise

__all__ = ["TASK"]

TOKENS = 32
PATCH = (4, 8)
INPUTS = PATCH[0] * PATCH[1]
SIDE, PADDED = 28, 32
WHITE = 127

DESIGN = design(
    "fashion-network",
    tokens=TOKENS,
    inputs=INPUTS,
    bits=7,
    signed=False,
    outputs=10,
)


def _read(name: str) -> NDArray[np.uint8]:
    folder = Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))
    path = folder / f"{name}.gz"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} must be there: apt-get install dataset-fashion-mnist, or name the folder in "
            "FASHION_MNIST"
        )
    content = gzip.decompress(path.read_bytes())
    axes = content[3]
    shape = np.frombuffer(content, dtype=">u4", count=axes, offset=4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * axes).reshape(shape)


def split(name: str) -> Split:
    """Return the pictures of ``train`` or ``t10k``, of seven bits, as patches in reading order."""
    pictures, labels = _read(f"{name}-images-idx3-ubyte"), _read(f"{name}-labels-idx1-ubyte")
    edge = (PADDED - SIDE) // 2
    padded = np.pad(pictures >> 1, ((0, 0), (edge, edge), (edge, edge))).astype(np.int8)
    rows, columns = PADDED // PATCH[0], PADDED // PATCH[1]
    patches = padded.reshape(-1, rows, PATCH[0], columns, PATCH[1]).transpose(0, 1, 3, 2, 4)
    x = np.ascontiguousarray(patches.reshape(-1, TOKENS, INPUTS))
    return Split(x, np.full(len(x), TOKENS, dtype=np.int64), labels.astype(np.int64))


def splits() -> tuple[Split, Split]:
    """Return 60,000 pictures to train with and 10,000 to test."""
    return split("train"), split("t10k")


def baselines() -> dict[str, float]:
    """Logistic regression on the pixels of the first 20,000 pictures."""
    train, test = splits()
    x, x_test = (part.x.reshape(len(part.x), -1) / WHITE for part in (train, test))
    model = LogisticRegression(C=0.01, max_iter=500).fit(x[:20000], train.y[:20000])
    return {"logistic regression": float(model.score(x_test, test.y))}


TASK = Task(
    name="fashion_mnist",
    design=DESIGN,
    splits=splits,
    loss=cross_entropy,
    score=accuracy,
    augment=torch_noise(6.0, 0, WHITE),
    baselines=baselines,
    variants={"without position": {"encoder.position": "none"}},
    training={"steps": 4000},
    kept=500,
)
