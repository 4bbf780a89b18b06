"""Logic cells of a network, estimated from its design."""

from spikeloom.design.attention import AttentionDesign
from spikeloom.design.attention.cost import estimate
from spikeloom.design.network import NetworkDesign
from spikeloom.design.network.sections import NetworkFolding
from spikeloom.hdl.network.plan import network_plan

__all__ = ["attention_cells", "engine_cells", "network_cells"]


def network_cells(design: NetworkDesign) -> int:
    """Estimate the logic cells of a network, within a twentieth of what is packed."""
    plan = network_plan(design)
    engine = engine_cells(design, design.folding, plan.widths.membrane)
    return engine + attention_cells(plan.inner)


def engine_cells(design: NetworkDesign, folding: NetworkFolding, membrane: int) -> int:
    """Estimate the logic cells of all but the attention layer, in a folding.

    With L lanes, P tokens, W bits of a weight at once, T steps and membranes of M bits they are
    369 + 1.57 T P W L for counters (2.9 with portable cells), 8.63 L W for what reads the program,
    9.4 T P M for sums and neurons, and 155 T; 150 less without a loader. Fitted to 16 networks that
    were packed: 16 to 64 lanes, 1 to 4 tokens, 1 and 2 bits, 2 and 4 steps, 16 to 24 bits of
    membranes, in both kinds of cells. The first number and that of L W were then moved to the eight
    published networks, of which the largest error is 2.3 %.

    Parameters
    ----------
    design : NetworkDesign
        The network; its own folding is not looked at.
    folding : NetworkFolding
        The folding to judge.
    membrane : int
        Bits of a membrane (:class:`spikeloom.hdl.network.plan.NetworkPlan` has them in its
        ``widths``).
    """
    units, steps = design.steps * folding.tokens, design.steps
    fetched = folding.lanes * folding.planes
    counter = 2.9 if design.target.cells == "portable" else 1.57
    rest = 219 if folding.weights == "ebr" else 369
    cells = rest + counter * units * fetched + 8.63 * fetched + 9.4 * units * membrane + 155 * steps
    return round(cells)


def attention_cells(attention: AttentionDesign | None) -> int:
    """Estimate the logic cells of the attention layer: as of a layer alone, and 40 a row."""
    if attention is None:
        return 0
    return round(estimate(attention, attention.order).cells + 40 * attention.rows)
