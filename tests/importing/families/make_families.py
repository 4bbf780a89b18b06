"""Write fixtures/families, of all cases or some: python -m tests.importing.families.make_families.

Of each case a checkpoint, in the container that its program writes. NAME.npz holds a sample, and
what every layer of the published structure gives for it with the quantized weights; and tensors
on a grid, with what every layer gives for the sample in float32. Written with torch 2.13.0.
"""

import sys
from argparse import Namespace

import numpy as np
import torch
from safetensors.torch import save_file

from spikeloom.importing.checkpoint import read_checkpoint
from spikeloom.importing.families import recognise
from spikeloom.importing.imported import Options

from .cases import CASES, FOLDER, draw
from .structures.build import build, look
from .structures.parts import quantize


def contain(state, file):
    """Put a state dict into the container that a file of this name is."""
    if file == "model_best.pkl":
        return {name if "fc_out" in name else f"network.{name}": t for name, t in state.items()}
    if file == "resume.pth":
        return {"model": state, "optim": {}, "epoch": 3, "earlystop": {"best": 0.5}}
    if file.endswith(".pth.tar"):
        return {"epoch": 3, "arch": "model", "state_dict": state, "args": Namespace(T=4)}
    if file.startswith("checkpoint-"):
        whole = {f"module.{name}": tensor for name, tensor in state.items()}
        return {"model": whole, "optimizer": {}, "scaler": {}, "args": Namespace(T=4)}
    return state


def expected(case, seed, bits, target):
    """Write a checkpoint of any weights; return what the layers give, and weights on the grid."""
    sample = draw(case, seed)
    model = build(case, seed, grid=True)
    found = {f"tensor/{name}": small(tensor) for name, tensor in model.state_dict().items()}
    found |= look("grid", model, sample, torch.float32)
    model = build(case, seed, grid=False)
    save(contain(model.state_dict(), case.file), target)
    checkpoint = read_checkpoint(target)
    imported = recognise(checkpoint).convert(checkpoint, case.settings, Options(bits=bits))
    quantize(model, imported.parts, sample)
    return {"sample": sample, **found, **look("any", model, sample, torch.float64)}


def save(contents, target):
    """Write a file as its program does; checkpoints of old trainings are of the old format."""
    if target.suffix == ".safetensors":
        save_file(contents, target)
    else:
        old = target.suffix == ".pth" and "model" in contents
        torch.save(contents, target, _use_new_zipfile_serialization=not old)


def small(tensor):
    """Return numbers as float16 where it holds them."""
    array = tensor.numpy()
    short = array.astype(np.float16)
    return short if (short == array).all() else array


def main():
    FOLDER.mkdir(exist_ok=True)
    wanted = sys.argv[1:] or CASES
    for name, case in CASES.items():
        if name not in wanted:
            continue
        target = FOLDER / f"{name}.{case.suffix}"
        found = expected(case, case.seed, case.bits, target)
        np.savez_compressed(FOLDER / f"{name}.npz", **found)


if __name__ == "__main__":
    main()
