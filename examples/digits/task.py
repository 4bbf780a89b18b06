"""Optical digits: 1797 pictures of 8 x 8 pixels; a token is a pair of pixels, 32 a picture.

Ref: E. Alpaydin, C. Kaynak, Optical recognition of handwritten digits, UCI Machine Learning
Repository (1998), as scikit-learn has it.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.svm import SVC
from tasks import Split, Task, accuracy, cross_entropy, design, torch_noise

__all__ = ["TASK"]

TOKENS = 32
WHITE = 16
TEST = 500

DESIGN = design(
    "digits-network",
    tokens=TOKENS,
    inputs=2,
    bits=5,
    signed=False,
    outputs=10,
)


def splits() -> tuple[Split, Split]:
    """Return 1297 pictures to train and 500 to test, drawn once, each digit in its share."""
    pictures, labels = load_digits(return_X_y=True)
    x = pictures.astype(np.int8).reshape(-1, TOKENS, 2)
    length = np.full(len(x), TOKENS, dtype=np.int64)
    whole = Split(x, length, labels.astype(np.int64))
    chosen: list[NDArray[np.int64]] = train_test_split(
        np.arange(len(x)), test_size=TEST, random_state=0, stratify=labels
    )
    return whole.part(chosen[0]), whole.part(chosen[1])


def baselines() -> dict[str, float]:
    """Logistic regression and a support vector machine, chosen by cross-validation."""
    train, test = splits()
    x, x_test = (split.x.reshape(len(split.x), -1) / WHITE for split in (train, test))
    models = {
        "logistic regression": GridSearchCV(
            LogisticRegression(max_iter=5000), {"C": [0.01, 0.1, 1, 10, 100]}, cv=5
        ),
        "support vector machine": GridSearchCV(
            SVC(), {"C": [1, 10, 100], "gamma": [0.03, 0.1, 0.3]}, cv=5
        ),
    }
    return {
        name: float(model.fit(x, train.y).score(x_test, test.y)) for name, model in models.items()
    }


TASK = Task(
    name="digits",
    design=DESIGN,
    splits=splits,
    loss=cross_entropy,
    score=accuracy,
    augment=torch_noise(0.2 * WHITE, 0, WHITE),
    baselines=baselines,
    variants={
        "without position": {"encoder.position": "none"},
        "shift": {
            "encoder.position": "none",
            "attention.position": "shift",
        },
        "binary": {"block.weight_bits": 1},
        "eight bits": {"block.weight_bits": 8},
    },
    training={"steps": 1500},
)
