"""Logistic regression on JapaneseVowels, the score that a spiking transformer has to stand beside.

    python baseline.py

prints the test accuracies and adds them to results.json. The input is the padded, eight-bit input
of the spiking transformer, 32 tokens x 12 channels as 384 features.
"""

import argparse
from pathlib import Path

from artefacts import BASELINE, HERE, update_results
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from vowels import Scaling, load_split

from spikeloom.files import InputError

__all__ = ["logistic_regression"]

TOKENS = 32
PENALTIES = (0.01, 0.1, 1, 10, 100)


def logistic_regression() -> dict[str, float]:
    """Test accuracy for each penalty, and as ``chosen`` the one that cross-validation prefers.

    The five folds are of the training set. The others are there to show what the choice is worth.
    """
    train, test = load_split("TRAIN", TOKENS), load_split("TEST", TOKENS)
    scaling = Scaling.fit(train)
    x, x_test = (scaling.apply(split).reshape(len(split.lengths), -1) for split in (train, test))
    scores, validated = {}, {}
    for penalty in PENALTIES:
        model = LogisticRegression(C=penalty, max_iter=5000)
        validated[penalty] = cross_val_score(model, x, train.speakers, cv=5).mean()
        score = model.fit(x, train.speakers).score(x_test, test.speakers)
        scores[f"C = {penalty}"] = round(float(score), 4)
    best = max(validated, key=lambda penalty: validated[penalty])
    return scores | {"chosen": scores[f"C = {best}"]}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=HERE, help="folder of results.json")
    arguments = parser.parse_args()
    try:
        scores = logistic_regression()
        update_results(arguments.output / "results.json", BASELINE, scores)
    except (InputError, OSError, ValueError) as error:
        parser.exit(2, f"{error}\n")
    print(scores)


if __name__ == "__main__":
    main()
