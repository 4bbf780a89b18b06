"""Plans of pair counters: which blocks and chains, in which order.

``plans.json`` holds the results of an integer programme over the blocks of
:mod:`spikeloom.hdl.popcount.blocks` and carry chains (``tools/popcount_plans.py`` writes it); a
plan is read by :func:`spikeloom.hdl.popcount.cells.build`, which says what the words mean. Widths
and numbers of stages that are not in a table get a balanced tree of adders.

Its tables, by pairs and, but for the first, stages: "one stage", fewest cells; "cells", few cells,
in several stages; "clock", short critical paths; and for AND only, where two pairs go in the cell
that starts a chain, "and cells" and "and clock".
"""

import json
from pathlib import Path
from typing import Final, Literal

__all__ = ["TABLES", "Preference", "plan"]

Preference = Literal["cells", "clock"]

TABLES: Final = Path(__file__).with_name("plans.json")
_PLANS: dict[str, dict[str, str]] = json.loads(TABLES.read_text(encoding="utf-8"))


def plan(width: int, *, kind: str, stages: int, prefer: Preference) -> str:
    """Return the plan of a unit, its output registers included.

    Parameters
    ----------
    width : int
        Pairs, at least 1.
    kind : str
        ``"xnor"`` or ``"and"``; some plans use that the AND of a pair is a carry by itself.
    stages : int
        Ranks of registers, at least 0.
    prefer : "cells" or "clock"
        What to favour.
    """
    key = f"{width} {max(stages, 1)}"
    names = ["cells", "clock"] if prefer == "cells" else ["clock", "cells"]
    found = [_PLANS[name].get(key) for name in names]
    if prefer == "cells" and stages <= 1:
        found = [_PLANS["one stage"].get(str(width))]
    if kind == "and":
        found = [_PLANS[f"and {name}"].get(key) for name in names] + found
    for text in found:
        if text is not None:
            return text + " |" * min(stages, 1)
    return _tree(width, stages)


def _tree(width: int, stages: int) -> str:
    """Plan a balanced tree: counts of three pairs in LUTs, then adders with a pair as carry-in.

    Takes ``2 * width - 1`` cells if ``width`` is a power of two, one or two less below it.
    """
    heights: dict[int, list[str]] = {}
    top = _subtree(width, heights)
    # Ranks as even as they go between levels, none before the leaves, the last at the output.
    cuts = [-(-(top + 1) * rank // stages) for rank in range(1, stages + 1)]
    words: list[str] = []
    for height in range(top + 1):
        words += ["|"] * cuts.count(height)
        late = any(cut <= height for cut in cuts)
        words += [word.replace("+p", "+w") if late else word for word in heights.get(height, [])]
    pending = sum(word.startswith("+w") for word in words)
    return " ".join(["W"] * pending + words + ["|"] * cuts.count(top + 1))


def _subtree(width: int, heights: dict[int, list[str]]) -> int:
    """Add the words that count ``width`` pairs, by their height in the tree; return the height."""
    if width <= 3:
        heights.setdefault(0, []).append(f"P{width}B0")
        return 0
    high, low = width // 2, (width - 1) // 2
    height = 1 + max(_subtree(high, heights), _subtree(low, heights))
    digits = "2" * low.bit_length() + "1" * (high.bit_length() - low.bit_length())
    heights.setdefault(height, []).append(f"+p{digits}e")
    return height
