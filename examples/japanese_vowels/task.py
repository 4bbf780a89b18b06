"""JapaneseVowels for a whole network: a time step is a token, 7 to 29 of at most 32."""

import numpy as np
from japanese_vowels.vowels import CHANNELS, SPEAKERS, Scaling, Utterances, load_split
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from tasks import Split, Task, accuracy, cross_entropy, design, torch_noise

__all__ = ["TASK"]

TOKENS = 32
PENALTIES = (0.01, 0.1, 1, 10, 100)

DESIGN = design(
    "vowels-network",
    tokens=TOKENS,
    inputs=CHANNELS,
    bits=8,
    signed=True,
    outputs=SPEAKERS,
)


def splits() -> tuple[Split, Split]:
    """Return both splits, channels scaled to eight bits by the training set."""
    train, test = load_split("TRAIN", TOKENS), load_split("TEST", TOKENS)
    scaling = Scaling.fit(train)

    def split(utterances: Utterances) -> Split:
        x = np.rint(scaling.apply(utterances) * 32).astype(np.int8)
        return Split(x, utterances.lengths, utterances.speakers)

    return split(train), split(test)


def baselines() -> dict[str, float]:
    """Logistic regression on the padded input, its penalty chosen by cross-validation."""
    train, test = splits()
    x, x_test = (split.x.reshape(len(split.x), -1) / 32 for split in (train, test))
    models = [LogisticRegression(C=penalty, max_iter=5000) for penalty in PENALTIES]
    validated = [cross_val_score(model, x, train.y, cv=5).mean() for model in models]
    best = models[int(np.argmax(validated))].fit(x, train.y)
    return {"logistic regression": float(best.score(x_test, test.y))}


TASK = Task(
    name="japanese_vowels",
    design=DESIGN,
    splits=splits,
    loss=cross_entropy,
    score=accuracy,
    augment=torch_noise(6.4, -128, 127),
    baselines=baselines,
    variants={
        "without position": {"encoder.position": "none"},
        "xnor, Gray-PE": {
            "encoder.position": "none",
            "attention.similarity": "xnor",
            "attention.position": "gray",
            "attention.scale": 1 / 32,
        },
        "binary": {"block.weight_bits": 1},
        "eight bits": {"block.weight_bits": 8},
    },
    training={"steps": 600},
)
