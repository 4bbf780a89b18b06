"""Plans of pair counters: which blocks and chains, in which order.

The tables hold the results of an integer programme over the blocks of
:mod:`spikeloom.hdl.popcount.blocks` and carry chains (``tools/popcount_plans.py``); a plan is read
by :func:`spikeloom.hdl.popcount.cells.build`, which says what the words mean. Widths and numbers
of stages that are not in a table get a balanced tree of adders.
"""

from typing import Literal

__all__ = ["Preference", "plan"]

Preference = Literal["cells", "clock"]

# One stage, fewest cells.
_CELLS = {
    1: "P1B0",
    2: "P2B0",
    3: "P3B0",
    4: "P1B0 P3B1",
    5: "P5B0",
    6: "P6B0",
    7: "P1B0*2 P5B2",
    8: "P3B0*2 P1B1 P1B2 P0B4@1",
    9: "P3B0*3 P0B3 P0B4@1",
    10: "P6B0 P3B0 +p221e",
    11: "P3B0*2 P5B2 P0B3@1 P0B2@2",
    12: "P3B0*2 P2B0 P1B0 P1B2*3 P0B6@1",
    13: "P3B0*3 P1B0 P1B2*3 P0B6@1",
    14: "P6B0 P3B0 P5B2 P0B3@1 P0B3@2",
    15: "P3B0*4 P1B2*3 P0B7@1",
    16: "P3B0*4 P3B3 P0B4@1 +p2221e",
    17: "P6B0*2 P5B2 P0B3@1 P0B4@2",
    18: "P6B0 P1B0 P5B2 P1B0 P5B2 P0B3@1 P0B4@2",
    19: "P3B0*2 P5B2 P3B0 P5B2 P0B3@1*2 P0B4@2",
    20: "P3B0*5 P3B3 P1B2 P0B6@1 +p2221e",
    21: "P3B0*6 P2B5 P0B6@1 +p2221e",
    22: "P3B0*7 P0B6 P0B7@1 +p2221e",
    23: "P3B0*2 P5B2 P3B0*3 P1B2*2 P0B7@1 +p2221e",
    24: "P3B0*2 P5B2 P3B0*3 P3B3 P0B3@1 P0B4@1 P0B3@2 +p2222e",
    25: "P3B0*2 P5B2 P3B0 P5B2 P3B0 P1B0 P0B4@1 +p222e +p2222e",
    26: "P6B0 P3B0 P5B2 P3B0*3 P3B4 P0B3@1*3 P0B6@2",
    27: "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P0B3@1*3 P0B6@2",
    28: "P3B0*2 P5B2 P3B0*4 P3B3 P0B6@1 +p222e +p2222e",
    29: "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P1B0 P0B6@1 P0B3@2 +p2222e",
    30: "P3B0*2 P5B2 P3B0 P5B2 P3B0*2 P3B3 P1B0 P0B7@1 P0B3@2 +p2222e",
    31: "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P0B7@1 P0B3@2 +p2222e",
    32: "P6B0 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P1B0 P0B6@1 P0B4@2 +p22221e",
    33: "P6B0 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P2B0 P0B7@1 P0B4@2 +p22221e",
    34: "P6B0 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P0B7@1 P0B4@2 +p22221e",
    35: "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P1B0 P5B2 P1B0 P0B7@1 P0B4@2 +p22221e",
    36: "P3B0*2 P5B2 P3B0 P5B2 P3B0*4 P3B3 P1B2*2 P0B6@1 P0B7@1 P0B3@2*2 P0B4@3",
    37: "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*2 P1B0 P0B6@1 +p222e*3 P0B4@3",
    38: "P6B0 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*2 P0B7@1 P0B3@2 +p222e*2 P0B4@3",
    39: "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*3 P0B7@1 +p222e*3 P0B4@3",
    40: "P6B0 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P1B0 P0B3@1 P0B6@1 P0B6@2 +p22221e",
    41: "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P1B0 P5B2 P1B0 P5B2 P1B0 P0B3@1 P0B6@1 P0B6@2 +p22221e",
    42: "P6B0 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P0B3@1 P0B7@1 P0B6@2 +p22221e",
    43: "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*2 P1B2 P0B3@1*2 P0B7@1 P0B6@2 +p22221e",
    44: "P3B0*2 P5B2 P3B0 P5B2 P3B0*6 P3B3 P1B2*2 P0B6@1 P0B7@1 P0B3@2 +p2222e +p22221e",
    45: "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P1B0 P0B3@1*2 P0B6@1 P0B7@2 +p22221e",
    46: "P6B0 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*4 P0B7@1 +p222e +p2222e +p222e +p22221e",
    47: "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*5 P3B4 P0B6@1*2 P0B4@2 +p2222e +p22222e",
    48: "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*5 P3B3 P1B2 P0B6@1 P0B7@1 P0B4@2 +p2222e +p22222e",
    49: "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*6 P2B5 P0B6@1 P0B7@1 P0B4@2 +p2222e +p22222e",
    50: "P3B0*2 P5B2 P3B0 P5B2 P3B0*8 P3B4 P2B4 P0B7@1*2 P0B4@2 +p2222e +p22222e",
    51: "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*4 P1B2*2 P0B7@1*2 P0B4@2 +p2222e +p22222e",
    52: (
        "P6B0 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P1B0 P0B4@1 P0B7@1 "
        "P0B6@2 +p2222e +p22222e"
    ),
    53: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P1B0 P0B6@1 P0B7@1 "
        "P0B7@2 P0B3@3 +p22212e"
    ),
    54: (
        "P6B0 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*2 P0B6@1*2 P0B6@2 "
        "+p2222e +p22222e"
    ),
    55: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P0B7@1*2 P0B7@2 "
        "P0B3@3 +p22212e"
    ),
    56: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*2 P3B3 P1B0*2 P0B6@1 P0B7@1 "
        "P0B6@2 +p2222e +p22222e"
    ),
    57: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P1B0 P0B6@1 "
        "P0B7@1 P0B6@2 +p2222e +p22222e"
    ),
    58: (
        "P6B0 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*3 P1B2 P0B7@1*2 P0B6@2 "
        "+p2222e +p22222e"
    ),
    59: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*2 P0B7@1*2 P0B6@2 "
        "+p2222e +p22222e"
    ),
    60: (
        "P6B0 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P1B0 P0B6@1 "
        "P0B7@1 P0B7@2 +p2222e +p22222e"
    ),
    61: (
        "P6B0 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*2 P0B7@1*2 "
        "P0B7@2 +-2222e +p22222e"
    ),
    62: (
        "P6B0 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*2 P0B7@1*2 "
        "P0B7@2 +p2222e +p22222e"
    ),
    63: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 "
        "P0B7@1*2 P0B7@2 +b222e@1 +p22222e"
    ),
    64: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*8 P3B4 P1B5 P0B6@1 P0B7@1*2 P0B3@2 "
        "P0B6@2 P0B4@3 +p222221e"
    ),
    65: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*3 P1B0 P0B6@1 "
        "P0B7@1 P0B4@2 +p22221e +p2222e +p222e +p222221e"
    ),
    66: (
        "P6B0 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*3 P0B7@1*2 "
        "P0B6@2 +p222e P0B4@3 +p222e +p222221e"
    ),
    67: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*4 P0B7@1*2 P0B4@2 "
        "+p2222e*2 +p222e +p2222e P0B4@4"
    ),
    68: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*5 P1B5 P0B6@1 "
        "P0B7@1*2 P0B3@2 P0B7@2 P0B4@3 +p222221e"
    ),
    69: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*2 P1B0 "
        "P1B2*2 P0B6@1 P0B7@1*2 P0B3@2 P0B7@2 P0B4@3 +p222221e"
    ),
    70: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*2 P2B0 "
        "P1B2*2 P0B7@1*3 P0B3@2 P0B7@2 P0B4@3 +p222221e"
    ),
    71: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*7 P3B4*2 P0B7@1*3 P0B3@2 "
        "P0B7@2 P0B4@3 +p222221e"
    ),
    72: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*7 P3B3 P1B2*2 P0B6@1 "
        "P0B7@1*2 P0B6@2 +p2222e*3 P0B4@4"
    ),
    80: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*7 P3B3 P1B2 "
        "P0B6@1 P0B7@1*2 P0B6@2 +p2222e +p22222e +p2221e +p222221e"
    ),
    96: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 "
        "P3B0 P5B2 P3B0*5 P3B3 P1B2 P0B6@1 P0B7@1*3 P0B6@2 P0B7@2 P0B4@3 +p22222e +p222222e"
    ),
    128: (
        "P3B0*2 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 "
        "P3B0 P5B2 P3B0 P5B2 P3B0 P5B2 P3B0*9 P3B3 P3B4 P0B6@1 P0B7@1*4 P0B3@2 P0B6@2 P0B7@2 "
        "P0B4@3 +p22222e*2 +p2222e +p22222e P0B4@5"
    ),
}

# Several stages, few cells: (pairs, stages), without the output registers.
_CUT_CELLS: dict[tuple[int, int], str] = {
    (16, 2): "P3B0*4 +p22e*2 W W | +w222e +w1111e",
    (32, 2): "P3B0*8 P1B2*4 P1B2 P0B3@1*4 W*3 | +w122e +-22e@1 +w2222e +w22111e",
    (64, 2): (
        "P3B0*14 P2B0*3 +p22e +p221e +p22e*7 W*7 | +w2221e +w222e*3 +w22221e +w2222e +w222221e"
    ),
    (64, 3): (
        "W*5 P3B0*16 P1B0*2 / P1B2 / P1B2*8 | P0B3@1*6 P0B4@1 / +w222e*3 / P0B3@1 +w2222e "
        "+w2221e | +b22221e / +-222221e"
    ),
    (128, 3): (
        "W*14 P3B0*33 / / P0B3 / +p22e*15 | P0B4@1 +w222e*7 / +w2222e*3 +w2221e / +w22222e*2 "
        "| +w222222e / +-2222111e"
    ),
}

# Short critical paths.
_CLOCK: dict[tuple[int, int], str] = {
    (16, 1): "P3B0*3 P2B0 P1B0 / P1B2 / P1B2 P0B2@1 / P0B3@1 +p221e / +p2221e",
    (16, 2): "P2B0*3 P1B0*4 P1B2*2 +p22e W*3 | +w221e +w22e +w2221e",
    (16, 3): "W*3 P2B0*3 P1B0*4 / P1B2*3 P0B3@1 | +w221e +w22e | +w2221e",
    (32, 1): (
        "P3B0*6 P2B0*3 / P1B2 / P1B2 P0B3@1 / P0B3@1 +p221e +p22e*2 / +p2221e +p222e / +p22221e"
    ),
    (32, 3): (
        "W*4 P2B0*7 P1B0*7 / P1B2*7 P0B3@1*2 | P0B3@1*2 +w222e +w22e / +w2221e +w222e | +b22221e"
    ),
    (32, 4): "W*6 P2B0*6 P1B0*8 / P1B2*6 P0B3@1*2 | +w222e +w22e*3 | +w2221e +w222e | +-22221e",
    (64, 3): (
        "W*6 P3B0*15 P2B0 P1B0*2 / P1B2 / P1B2*7 +p22e | P0B3@1*7 +w221e / +w2221e +w222e*3 | "
        "+b22221e +-222e@1 / +w222221e"
    ),
    (64, 4): (
        "P2B0*5 P1B0*26 P1B2*13 +p22e*2 W*13 | +w222e +w22e*7 +w2221e +w222e*3 | +w22221e "
        "+-2222e | +-222221e"
    ),
    (64, 5): (
        "W*12 P2B0*4 P1B0*28 / P1B2*14 +p22e*2 | +w222e +w22e*7 | +w2221e +w222e*3 | +-22221e "
        "+-2222e | +-222221e"
    ),
}

# For AND only: two pairs in the cell that starts a chain.
_AND_CELLS: dict[tuple[int, int], str] = {
    (16, 1): "P3B0*2 P2B0 / / P1B2 / P0B4@1 / P5B2 / / / / / / / +q2221e",
    (16, 2): "W P3B0*2 P2B0 / +q21e / P1B2 / +q221e +q22e | / +w2221e",
    (32, 1): "P3B0*7 / / P1B2 P1B5 / P0B4@1 / / +q22e*2 / +q2221e +q222e / / +p22221e",
}

_AND_CLOCK: dict[tuple[int, int], str] = {
    (16, 1): "P3B0*2 P2B0 / +q21e / P1B2 / +q221e +q22e / +p2221e",
    (16, 2): "W*3 P2B0*3 / P1B2 +q22e +q2e +qe | +w221e +w22e / +w2221e",
    (16, 3): "W*2 P2B0*2 P1B0*3 / P1B2 +q22e +q2e*2 | +w221e +w22e | +-2221e",
}


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
    key = (width, max(stages, 1))
    tables = [_CLOCK, _CUT_CELLS]
    if prefer == "cells":
        tables = [_CUT_CELLS, _CLOCK]
        if key[1] == 1:
            tables = [{(pairs, 1): text for pairs, text in _CELLS.items()}]
    if kind == "and":
        mine = [_AND_CELLS, _AND_CLOCK] if prefer == "cells" else [_AND_CLOCK, _AND_CELLS]
        tables = mine + tables
    for table in tables:
        if key in table:
            return table[key] + " |" * min(stages, 1)
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
