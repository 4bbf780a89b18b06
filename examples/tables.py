"""Tables of docs/network-training.rst from the results of the networks."""

import json
from pathlib import Path
from typing import Any

__all__ = ["filled", "table"]

_FIRST = "network"
_LAST = "baselines"


def table(results: dict[str, Any], *, percent: bool) -> str:
    """Return a list-table: a row for the network, for each variant, and for each baseline there is.

    >>> print(table({"network": {"0": 0.5, "1": 0.75}, "baselines": {"a": 1.0}}, percent=False))
    .. list-table::
       :header-rows: 1
    <BLANKLINE>
       * - Network
         - Seed 0
         - Mean
         - Worst
         - Best
         - Seeds
       * - as committed
         - 0.500
         - 0.625
         - 0.500
         - 0.750
         - 2
       * - a
         - 1.000
         -
         -
         -
         -
    <BLANKLINE>
    """

    def shown(score: float) -> str:
        return f"{100 * score:.1f} %" if percent else f"{score:.3f}"

    rows = [["Network", "Seed 0", "Mean", "Worst", "Best", "Seeds"]]
    others = sorted(set(results) - {_FIRST, _LAST})
    for name in [_FIRST, *others]:
        runs = results[name]
        scores = [*runs.values()]
        numbers = (runs["0"], sum(scores) / len(scores), min(scores), max(scores))
        label = "as committed" if name == _FIRST else name
        rows.append([label, *map(shown, numbers), str(len(scores))])
    rows += [[name, shown(score), "", "", "", ""] for name, score in results.get(_LAST, {}).items()]
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        cells = [
            f"   {'  -' if place else '* -'} {cell}".rstrip() for place, cell in enumerate(row)
        ]
        lines += cells
    return "\n".join(lines) + "\n"


def filled(text: str, folder: Path, percents: dict[str, bool]) -> str:
    """Return the text of a page with the table of each example that has results replaced.

    ``percents``: for each example, whether its scores are shares.
    """
    for name, percent in percents.items():
        results = json.loads((folder / name / "network-results.json").read_text())
        start = f".. {name}: written by examples/networks.py --tables\n"
        end = f".. end of {name}\n"
        before, rest = text.split(start)
        _, after = rest.split(end)
        text = f"{before}{start}\n{table(results, percent=percent)}\n{end}{after}"
    return text
