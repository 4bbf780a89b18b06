"""Networks that only the golden model answers: refused with the key that asks for more."""

import pytest

from spikeloom.design import DesignError
from spikeloom.hdl.kinds import asked
from spikeloom.hdl.network.limits import built_attention

from ...networks.draws import block, make, masked

UNBUILT = [
    ({"neuron": "if"}, "neuron: 'if': must be lif"),
    ({"tau": "3/2"}, "tau: '3/2': must be 2"),
    ({"decay": "1/4"}, "decay: '1/4': must be None"),
    ({"reset": "soft"}, "reset: 'soft': must be hard"),
    ({"fires": "above"}, "fires: 'above': must be at"),
    (
        {"blocks": [block(residual="membrane")], "readout": {"neurons": "sum"}},
        "readout.neurons: 'sum': must be tokens",
    ),
    ({"blocks": [block(), masked("sdsa")]}, "blocks.1.attention.attention: 'sdsa': must be qk-tok"),
    (
        {"blocks": [masked("qk-token", attention={"threshold": 2, "reset": "soft"})]},
        "blocks.0.attention.reset: 'soft': must be hard",
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
