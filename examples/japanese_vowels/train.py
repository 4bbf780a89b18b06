"""Train the spiking transformer of this folder on JapaneseVowels and export integer weights.

    python train.py --design attention.toml --seeds 0 1 2 3 4

trains once per seed, adds the test accuracies to results.json and exports the weights of the first
seed, whatever it reached, to weights.npz (weights-NAME.npz for attention-NAME.toml). A minute per
seed on one core. Weights differ in their last bits between versions of PyTorch and processors;
everything after the export is exact.
"""

import argparse
import sys
from pathlib import Path

import torch
from artefacts import HERE, RECORDED, save_arrays, update_results, variant
from record import accuracy
from torch import Tensor
from torch.nn import functional
from transformer import SpikingTransformer
from vowels import Scaling, load_split

from spikeloom.design import Design, load_design
from spikeloom.files import InputError

__all__ = ["train"]

BATCH = 64
RATE = 2e-3
DECAY = 1e-2
NOISE = 0.1


def train(
    design: Design, x: Tensor, mask: Tensor, y: Tensor, *, seed: int, steps: int
) -> SpikingTransformer:
    """Return a network trained for ``steps`` batches, with nothing chosen along the way."""
    torch.manual_seed(seed)
    network = SpikingTransformer(design)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=steps)
    order = torch.randperm(len(x))
    for step in range(steps):
        if len(order) < BATCH:
            order = torch.cat([order, torch.randperm(len(x))])
        chosen, order = order[:BATCH], order[BATCH:]
        noisy = x[chosen] + NOISE * torch.randn_like(x[chosen])
        loss = functional.cross_entropy(network(noisy, mask[chosen]).logits, y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            print(f"seed {seed}: step {step + 1}: loss {loss.item():.3f}", file=sys.stderr)
    return network.eval()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--design", type=Path, default=HERE / "attention.toml")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=600, help="batches per seed (default 600)")
    parser.add_argument("--output", type=Path, default=RECORDED, help="folder for the artefacts")
    arguments = parser.parse_args()
    try:
        _train_all(arguments)
    except (InputError, OSError, ValueError) as error:
        parser.exit(2, f"{error}\n")


def _train_all(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    design = load_design(arguments.design)
    training, test = (load_split(split, design.tokens) for split in ("TRAIN", "TEST"))
    scaling = Scaling.fit(training)
    x, x_test = (torch.from_numpy(scaling.apply(split)) for split in (training, test))
    mask, y = torch.from_numpy(training.mask), torch.from_numpy(training.speakers)
    real = torch.from_numpy(test.mask)

    for seed in arguments.seeds:
        network = train(design, x.float(), mask, y, seed=seed, steps=arguments.steps)
        weights = network.fold()
        folded = SpikingTransformer.from_folded(design, weights)
        with torch.no_grad():
            trained = accuracy(network(x_test.float(), real), test)
            exported = accuracy(folded(x_test, real), test)
        print(f"seed {seed}: test {trained}, exported {exported}", file=sys.stderr)
        update_results(
            arguments.output / "results.json",
            design.name,
            {str(seed): {"trained": trained, "exported": exported}},
        )
        if seed == arguments.seeds[0]:
            path = arguments.output / f"weights{variant(arguments.design)}.npz"
            scales = {"scaling.offset": scaling.offset, "scaling.gain": scaling.gain}
            save_arrays(path, weights | scales)


if __name__ == "__main__":
    main()
