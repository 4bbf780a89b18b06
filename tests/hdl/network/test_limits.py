"""Networks that only the golden model answers: refused with the key that asks for more."""

import pytest

from spikeloom.design import Design, DesignError
from spikeloom.hdl.kinds import asked
from spikeloom.hdl.network.limits import built_attention

from ...networks.draws import block, draw_arrays, keys, make, masked

NONE = {"kind": "none", "inputs": 12, "bits": 1, "signed": False}
UNBUILT = [
    ({"neuron": "if"}, "neuron: 'if': must be lif"),
    ({"tau": "3/2"}, "tau: '3/2': must be 2"),
    ({"reset": "soft"}, "reset: 'soft': must be hard"),
    ({"encoder": {"coding": "steps"}}, "encoder.coding: 'steps': must be direct"),
    ({"encoder": NONE}, "encoder.kind: 'none': must be linear"),
    ({"blocks": [block(residual="add")]}, "blocks.0.residual: 'add': must be one of or, iand"),
    (
        {"blocks": [block(), masked("sdsa")]},
        "blocks.1.attention.kind: 'mask': must be attention",
    ),
    (
        {"blocks": [block(), block(attention={"heads": 3})]},
        "blocks.1.attention: must be the same as that of blocks.0",
    ),
]


@pytest.mark.parametrize(("changes", "line"), UNBUILT)
def test_refused(changes, line):
    data = keys(**changes)
    if changes.get("encoder", {}).get("kind") == "none":
        data["encoder"] = NONE
    design = Design.from_dict({**data, "weights": draw_arrays(data)})
    with pytest.raises(DesignError) as caught:
        asked(design)
    assert str(caught.value) == f"{line} to be built; target golden computes it"


def test_all_else_is_built():
    design = make(blocks=[block(residual="iand")] * 2, encoder={"fraction": 4})
    assert built_attention(design) == design.blocks[1].attention
