"""Tables of positions that checkpoints of SeqSNN's models hold: NeuronPE, RandomPE and CPG."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spikeloom.golden.position.cpg import LONGEST, codes
from spikeloom.importing.families.source import Source

__all__ = ["CPG_SCALE", "compare", "read_table", "rows_of"]

CPG_SCALE: Final = 10000.0
"""Ratio of the longest period to the shortest, of CPG."""

_SCALES: Final = ("network.neuron_pe_scale", "neuron_pe_scale")


def read_table(source: Source) -> NDArray[np.float32] | None:
    """Return the table of NeuronPE or RandomPE, (rows, neurons)."""
    if not source.has("pe.emb.pe"):
        return None
    table = source.take("pe.emb.pe", "runs on the host", (None, 1, None))[:, 0]
    scale = source.number("neuron_pe_scale", _SCALES, 1000.0, 1.0)
    compare(source, "pe.emb.pe", table, scale)
    return table


def compare(source: Source, name: str, table: NDArray[np.float32], scale: float) -> None:
    """Compute a table of NeuronPE again, and say whether it is the same."""
    if scale < 2 or len(table) > LONGEST:
        source.say(name, "is taken as it is")
        return
    differ = int((table != codes(len(table), table.shape[1], scale)).sum())
    found = f"differs in {differ} entries, and is taken as it is" if differ else "equal"
    source.say(name, f"computed again: {found}")


def rows_of(
    source: Source, table: NDArray[Any], steps: int, tokens: int, name: str
) -> NDArray[np.float32]:
    """Return the rows of all steps and tokens, (T, L, neurons): they are counted in one go."""
    if len(table) < steps * tokens:
        raise source.refuse(name, f"must have a row for each of {steps} steps of {tokens} tokens")
    return table[: steps * tokens].reshape(steps, tokens, -1)
