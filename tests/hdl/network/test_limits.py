"""Networks that only the golden model answers: refused with the key that asks for more."""

import pytest

from spikeloom.design import DesignError
from spikeloom.hdl.kinds import asked
from spikeloom.hdl.network.limits import built_attention

from ...networks.draws import block, make, masked

UNREAD = {"neurons": "none"}
UNBUILT = [
    ({"tau": "3/2"}, "tau: '3/2': must let a membrane keep all, a half, a quarter, ... of its"),
    ({"tau": 4}, "tau: '4': must let a membrane keep all, a half, a quarter, ... of itself"),
    ({"decay": "3/4"}, "decay: '3/4': must let a membrane keep all, a half, a quarter, ... of its"),
    (
        {"blocks": [block(residual="membrane")], "readout": {"neurons": "sum"}},
        "readout.neurons: 'sum': must be tokens or none",
    ),
    ({"tokens": 1025, "encoder": {"position": "none"}}, "tokens: 1025: must be at most 1024"),
    ({"readout": {"steps": "last"}}, "readout.steps: 'last': must be all"),
    ({"blocks": [block(), block(grid=5)]}, "blocks.1.grid: 5: must be left out"),
    ({"blocks": [block(mlp_position="absolute")]}, "blocks.0.mlp_position: 'absolute': must be no"),
    (
        {"blocks": [block(residual="membrane")], "readout": UNREAD, "folding": {"tokens": 2}},
        "folding.tokens: 2: must be 1 with neurons none",
    ),
    (
        {"tokens": 4, "blocks": [block(residual="membrane")], "readout": {**UNREAD, "groups": 2}},
        "readout.groups: 2: must be 1 with neurons none",
    ),
    (
        {"blocks": [block(), masked("sdsa", attention={"threshold": "3/2"})]},
        "blocks.1.attention.threshold: '3/2': must let a spike of any token fire, and ",
    ),
    (
        {"blocks": [masked("qk-channel")], "folding": {"tokens": 2}},
        "folding.tokens: 2: must be 1 with qk-channel",
    ),
    (
        {"blocks": [masked("qk-token", attention={"threshold": 2, "reset": "soft"})]},
        "blocks.0.attention.threshold: '2': must be met by one spike, or be that of neurons as ",
    ),
    (
        {"blocks": [masked("qk-token", attention={"threshold": "2/3"})], "fraction": 0, "steps": 3},
        "blocks.0.attention.threshold: '2/3': must be met in 0 fraction bits, those of the ",
    ),
    (
        {"blocks": [masked("qk-token"), block(), block(attention={"heads": 3})]},
        "blocks.2.attention: must be that of the other blocks, or a mask,",
    ),
]


@pytest.mark.parametrize(("changes", "line"), UNBUILT)
def test_refused(changes, line):
    with pytest.raises(DesignError) as caught:
        asked(make(**changes))
    found = str(caught.value)
    assert found.startswith(line)
    assert found.endswith(" to be built; target golden computes it")


def test_all_else_is_built():
    blocks = [masked("qk-token", residual="xor"), block(residual="add"), block(residual="add")]
    design = make(blocks=blocks, encoder={"fraction": 4}, decay_input=False)
    assert built_attention(design) == design.blocks[2].attention
    assert built_attention(make(blocks=blocks[:1])) is None
