"""Train the networks of the examples, and write their integers, test sets and results.

    python examples/networks.py japanese_vowels --seeds 0 1 2 3 4

trains once a seed and adds the scores on the test set to network-results.json of the example's
folder. Of seed 0, whatever it reached, it writes network.toml and network-weights.npz, and
network-test.npz: the test set as integers, with the labels and the logits that the network gives.
``--variant`` trains with other keys, of which the results alone are kept, ``--baselines`` scores
models that are no spiking networks, and ``--tables`` writes the tables of
docs/network-training.rst.

Weights differ in their last bits between versions of PyTorch and processors; everything after the
export is exact.
"""

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tables import filled
from tasks import Split, Task, accuracy, variant

from spikeloom.files import InputError
from spikeloom.torch import Network
from spikeloom.torch.export import write
from spikeloom.torch.training import fit, logits

__all__ = ["NAMES", "evaluate", "load_task", "real", "train"]

HERE = Path(__file__).resolve().parent
NAMES = ("japanese_vowels", "vowels_fast", "digits", "taylor", "fashion_mnist")
MAIN = "network"
PAGE = HERE.parent / "docs" / "network-training.rst"
SCHEMA = "#:schema ../../spikeloom/design.schema.json"


def load_task(name: str) -> Task:
    """Return the task of a folder."""
    task: Task = importlib.import_module(f"{name}.task").TASK
    return task


def tensors(split: Split) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return inputs as float32, lengths and targets."""
    x = torch.from_numpy(split.x.astype(np.float32))
    return x, torch.from_numpy(split.length), torch.from_numpy(split.y)


def train(
    task: Task, design: dict[str, Any], split: Split, *, seed: int, **options: Any
) -> Network:
    """Return a network trained with a seed, which computes integers."""
    torch.manual_seed(seed)
    network = Network(design)
    settings: dict[str, Any] = {**task.training, "report": report, **options}
    return fit(
        network, *tensors(split), loss=task.loss, augment=task.augment, seed=seed, **settings
    )


def report(batches: int, loss: float) -> None:
    """Say how far training is."""
    print(f"batch {batches}: loss {loss:.4f}", file=sys.stderr)


def evaluate(network: Network, split: Split) -> NDArray[np.int64]:
    """Return the integer logits of a split."""
    x, length, _ = tensors(split)
    answers: NDArray[np.int64] = logits(network, x, length).numpy().astype(np.int64)
    return answers


def real(network: Network, answers: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[Any]:
    """Return real numbers for integer logits, as a host does."""
    return answers / (network.keys.steps * length[:, None]) * network.readout.scale


def update(path: Path, name: str, values: dict[str, float]) -> None:
    """Add scores to a JSON file of results, keeping the others."""
    results = json.loads(path.read_text()) if path.exists() else {}
    results[name] = results.get(name, {}) | {k: round(v, 4) for k, v in values.items()}
    text = json.dumps(results, indent=2, sort_keys=True) + "\n"
    write(path, lambda file: file.write(text.encode()))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="+", choices=NAMES, metavar="name", help=", ".join(NAMES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, help="batches (default: those of the task)")
    parser.add_argument("--variant", nargs="+", default=[MAIN], help="names, or all of them")
    parser.add_argument("--baselines", action="store_true", help="instead of training")
    parser.add_argument("--tables", action="store_true", help="instead of training")
    parser.add_argument("--page", type=Path, default=PAGE, help="page for the tables")
    parser.add_argument("--output", type=Path, default=HERE, help="instead of examples/")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        if arguments.tables:
            tasks = map(load_task, arguments.names)
            percents = {task.name: task.score is accuracy for task in tasks}
            text = filled(arguments.page.read_text(), arguments.output, percents)
            write(arguments.page, lambda file: file.write(text.encode()))
            return
        for name in arguments.names:
            folder = arguments.output / name
            folder.mkdir(parents=True, exist_ok=True)
            _run(load_task(name), folder, arguments)
    except (ImportError, InputError, OSError, ValueError) as error:
        parser.exit(2, f"{error}\n")


def _run(task: Task, folder: Path, arguments: argparse.Namespace) -> None:
    results = folder / "network-results.json"
    if arguments.baselines:
        update(results, "baselines", task.baselines())
        return
    variants = {MAIN: {}, **task.variants}
    names = [*task.variants] if arguments.variant == ["all"] else arguments.variant
    if unknown := set(names) - set(variants):
        raise ValueError(f"variant must be one of {', '.join(variants)}, not {min(unknown)!r}")
    options = {} if arguments.steps is None else {"steps": arguments.steps}
    training, test = task.splits()
    for name in names:
        for seed in arguments.seeds:
            design = variant(task.design, variants[name])
            network = train(task, design, training, seed=seed, **options)
            answers = evaluate(network, test)
            known = 0 if test.known is None else test.known
            score = task.score(real(network, answers, test.length) + known, test.y + known)
            print(f"{task.name}: {name}: seed {seed}: {score:.4f}", file=sys.stderr)
            update(results, name, {str(seed): score})
            if name == MAIN and seed == 0:
                _export(task, network, folder, test, answers)


def _export(
    task: Task, network: Network, folder: Path, test: Split, answers: NDArray[np.int64]
) -> None:
    path = network.export(folder, weights="network-weights.npz")
    told = f"{SCHEMA}\n{path.read_text()}"
    write(path, lambda file: file.write(told.encode()))
    test = test.part(np.arange(task.kept or len(test.x)))
    answers = answers[: len(test.x)].astype(np.int32)
    arrays = {"x": test.x, "length": test.length, "logits": answers}
    if task.unit is None or test.known is None:
        arrays["label"] = test.y
    else:
        unit = task.unit()
        arrays |= {"target": (test.y + test.known) * unit, "offset": test.known * unit}
        arrays["scale"] = np.array(network.readout.scale * unit)
    write(folder / "network-test.npz", lambda file: np.savez_compressed(file, **arrays))


if __name__ == "__main__":
    main()
