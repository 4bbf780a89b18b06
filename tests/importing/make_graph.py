"""Write fixtures/spikingjelly.nir and its spikes: python tests/importing/make_graph.py.

Written with torch 2.13.0, spikingjelly 2.0.0 and nir 1.0.8.
"""

from pathlib import Path

import numpy as np
import torch
from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.activation_based.nir_exchange import export_to_nir

FOLDER = Path(__file__).parent / "fixtures"


def main():
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        layer.Linear(6, 8),
        neuron.LIFNode(tau=2.0, step_mode="s"),
        layer.Linear(8, 3, bias=False),
        neuron.IFNode(step_mode="s"),
    )
    with torch.no_grad():
        for parameter in net.parameters():
            # Eighths, of which float32 sums exactly.
            parameter.copy_((parameter * 32).round() / 8)
    x = (torch.rand(4, 50, 6) < 0.5).float()
    functional.reset_net(net)
    y = torch.stack([net(now) for now in x]).detach()
    np.savez_compressed(
        FOLDER / "spikingjelly.npz", x=x.numpy().astype(np.uint8), y=y.numpy().astype(np.uint8)
    )
    functional.reset_net(net)
    export_to_nir(net, torch.rand(1, 6), save_path=FOLDER / "spikingjelly.nir", dt=1e-4)


if __name__ == "__main__":
    main()
