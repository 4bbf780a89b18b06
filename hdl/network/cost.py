"""Logic cells of a network before anything is synthesized: an estimate."""

from spikeloom.design.network.design import NetworkDesign
from spikeloom.hdl.network.limits import built_attention

__all__ = ["network_cells"]


def network_cells(design: NetworkDesign) -> int:
    """Estimate the logic cells of a network, within a tenth.

    With L lanes, P tokens and W bits of a weight at once and T steps, a counter of L inputs takes
    about 4 L + 70 cells for two bits of a weight, and there is one for each token and step; the
    neurons of a token take 115, and of every lane 5 a step go to what writes and chooses spikes.
    Attention takes 8 a lane, and in state order 145 more. The rest is 980; 150 less without a
    loader. Fitted to foldings of ``examples/vowels_fast`` that were packed, from 16 to 64 lanes,
    one and two tokens.
    """
    folding, steps = design.folding, design.steps
    counters = steps * folding.tokens * folding.planes * (4 * folding.lanes + 70) // 2
    lanes = 5 * steps * folding.lanes
    rest = 980 if design.loaded else 830
    return rest + _attention(design) + lanes + counters + 115 * folding.tokens


def _attention(design: NetworkDesign) -> int:
    attention = built_attention(design)
    if attention is None:
        return 0
    return 8 * attention.rows * attention.lanes + 145 * (attention.order == "state")
