"""Push real test utterances through the trained transformers and record the spikes.

    python record.py             writes spikes*.npz and spikes-batch*.npz
    python record.py --stats     firing rates and accuracy over the whole test set: rates.json
                                 and the tables of docs/data.rst

spikes.npz holds q, k and v of one utterance, uint8 of shape (steps, tokens, dim): what ``spikeloom
simulate --input`` takes. spikes-batch.npz holds the first two test utterances of each of the nine
speakers along a leading axis, with the output ``spikes`` of the PyTorch layer, ``samples`` (index
in the test split), ``lengths`` (tokens that are not padding) and ``speakers`` (0 to 8).

The committed weights are integers over 2**10 and the input has eight bits, so all sums are exact
and the recording is the same with any version of PyTorch on any machine.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from artefacts import DOCUMENT, HERE, RECORDED, fill_document, save_arrays, update_results, variant
from numpy.typing import NDArray
from transformer import Forward, SpikingTransformer
from vowels import SPEAKERS, Scaling, Utterances, load_split

from spikeloom.design import Design, load_design
from spikeloom.files import InputError

__all__ = ["ARRAYS", "accuracy", "chosen", "firing_rates", "record", "run"]

ARRAYS = ("q", "k", "v", "spikes")


def run(design: Design, weights: Path, utterances: Utterances, silent: str = "") -> Forward:
    """Run the exported network of the file ``weights`` over all ``utterances``.

    ``silent`` names an array to set to zero, see :meth:`transformer.SpikingTransformer.forward`.
    """
    with np.load(weights) as file:
        arrays = dict(file)
    scaling = Scaling(arrays.pop("scaling.offset"), arrays.pop("scaling.gain"))
    network = SpikingTransformer.from_folded(design, arrays)
    with torch.no_grad():
        output: Forward = network(
            torch.from_numpy(scaling.apply(utterances)), torch.from_numpy(utterances.mask), silent
        )
    return output


def chosen(test: Utterances) -> NDArray[np.int64]:
    """Return the indices of the first two utterances of each speaker."""
    return np.concatenate([np.flatnonzero(test.speakers == s)[:2] for s in range(SPEAKERS)])


def record(output: Forward, test: Utterances) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of spikes-batch.npz."""
    samples = chosen(test)
    spikes = {
        name: getattr(output, name)[:, samples].transpose(0, 1).numpy().astype(np.uint8)
        for name in ARRAYS
    }
    return spikes | {
        "samples": samples,
        "lengths": test.lengths[samples],
        "speakers": test.speakers[samples],
    }


def accuracy(output: Forward, test: Utterances) -> float:
    """Share of the utterances whose speaker is named."""
    return round(float((output.logits.argmax(dim=1).numpy() == test.speakers).mean()), 4)


def firing_rates(output: Forward, test: Utterances) -> dict[str, float]:
    """Mean of each array in percent: ``q`` over the time steps, ``q, padded`` over all tokens."""
    mask = torch.from_numpy(test.mask)
    rates = {}
    for name in ARRAYS:
        spikes = getattr(output, name)
        rates[name] = round(100 * spikes[:, mask].mean().item(), 2)
        rates[f"{name}, padded"] = round(100 * spikes.mean().item(), 2)
    return rates


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--design", type=Path, nargs="+", default=sorted(HERE.glob("attention*.toml"))
    )
    parser.add_argument("--output", type=Path, default=RECORDED, help="folder for the artefacts")
    parser.add_argument("--stats", action="store_true", help="firing rates instead of spikes")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="page for the tables")
    arguments = parser.parse_args()
    try:
        _record_all(arguments)
    except (InputError, OSError, ValueError) as error:
        parser.exit(2, f"{error}\n")


def _record_all(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    for path in arguments.design:
        design, suffix = load_design(path), variant(path)
        test = load_split("TEST", design.tokens)
        weights = RECORDED / f"weights{suffix}.npz"
        output = run(design, weights, test)
        print(f"{path.name}: {len(test.lengths)} utterances", file=sys.stderr)
        if arguments.stats:
            values = firing_rates(output, test) | {"accuracy": accuracy(output, test)}
            for name in ("q", "spikes"):
                values[f"accuracy, {name} = 0"] = accuracy(run(design, weights, test, name), test)
            update_results(arguments.output / "rates.json", design.name, values)
            continue
        arrays = record(output, test)
        save_arrays(arguments.output / f"spikes-batch{suffix}.npz", arrays)
        first = {name: arrays[name][0] for name in ("q", "k", "v")}
        save_arrays(arguments.output / f"spikes{suffix}.npz", first)
    if arguments.stats:
        fill_document(arguments.document, arguments.output)


if __name__ == "__main__":
    main()
