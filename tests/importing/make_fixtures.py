"""Write the files of fixtures/ that need PyTorch: python tests/importing/make_fixtures.py.

Written with torch 2.13.0 and safetensors 0.8.0. Their numbers are those of numbers_of_fixtures.py.
"""

from argparse import Namespace
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import torch
from numbers_of_fixtures import FC_OUT, LAST, LAYER, TYPES, tensor
from safetensors.torch import save_file

FOLDER = Path(__file__).parent / "fixtures"


def layer(offset, prefix=""):
    """State dict of a linear layer and its batch normalisation."""
    state = OrderedDict()
    for name, (shape, kind) in LAYER.items():
        state[prefix + name] = torch.from_numpy(tensor(shape, offset)).to(getattr(torch, kind))
    return state


def main():
    FOLDER.mkdir(exist_ok=True)
    every = OrderedDict()
    for name in TYPES:
        every[name] = torch.from_numpy(tensor((2, 3), -2)).to(getattr(torch, name))
    base = torch.arange(12.0)
    every["turned"] = base.reshape(3, 4).T
    every["slice"] = base[4:10:2]
    every["number"] = torch.tensor(7)
    every["parameter"] = torch.nn.Parameter(base[:2])
    every["flag"] = torch.tensor([True, False])
    torch.save(every, FOLDER / "types.pth")
    torch.save(every, FOLDER / "legacy.pth", _use_new_zipfile_serialization=False)
    whole = {name: t.detach().clone().contiguous() for name, t in every.items()}
    save_file(whole, FOLDER / "types.safetensors", metadata={"format": "pt"})

    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    args = Namespace(T=4, model="spikformer", lr=1e-3, output=Path("out"), betas=(0.9, 0.999))
    timm = {
        "epoch": 299,
        "arch": "spikformer",
        "state_dict": layer(LAST, "module."),
        "optimizer": optimizer.state_dict(),
        "version": 2,
        "args": args,
        "metric": np.float64(94.5),
        "kinds": [torch.float16, torch.device("cuda:0"), torch.Size([1, 2]), {3}, 1j, b"x"],
        "seen": defaultdict(list, {"x": [1]}),
        "curve": np.arange(3),
    }
    torch.save(timm, FOLDER / "model_last.pth.tar")
    torch.save(timm | {"state_dict_ema": layer(0)}, FOLDER / "model_best.pth.tar")

    head = {"fc_out.weight": torch.from_numpy(tensor((1, 2), FC_OUT))}
    best = OrderedDict({**layer(0, "network."), **head})
    torch.save(best, FOLDER / "model_best.pkl")
    resume = {
        "earlystop": {"best": 0.5, "patience": 20},
        "model": OrderedDict({**layer(LAST, "network."), **head}),
        "optim": optimizer.state_dict(),
        "epoch": 12,
        "best_res": {"valid": {"r2": 0.9}},
        "best_params": best,
        "best_network_params": layer(0),
    }
    torch.save(resume, FOLDER / "resume.pth")
    torch.save(model, FOLDER / "whole-module.pth")


if __name__ == "__main__":
    main()
