"""The files of this folder: their names, and writing them whole or not at all."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.files import replacing

__all__ = [
    "BASELINE",
    "DOCUMENT",
    "HERE",
    "RECORDED",
    "fill_document",
    "filled",
    "save_arrays",
    "update_results",
    "variant",
    "write",
]

HERE = Path(__file__).resolve().parent
RECORDED = HERE / "recorded"
DOCUMENT = HERE.parent.parent / "docs" / "data.rst"
BASELINE = "logistic regression"


def variant(design: Path) -> str:
    """Suffix of the artefacts of a design file: ``-NAME`` for attention-NAME.toml.

    >>> variant(Path("attention-xnor-log.toml")), variant(Path("attention.toml"))
    ('-xnor-log', '')
    """
    if not design.stem.startswith("attention"):
        raise ValueError(f"Design file must be named attention*.toml, not {design.name!r}")
    return design.stem.removeprefix("attention")


def write(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Replace ``path`` by what ``fill`` writes, in one step and only if it succeeds."""
    with replacing(path) as fresh, fresh.open("wb") as file:
        fill(file)


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a compressed NPZ file."""
    write(path, lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]


def update_results(path: Path, network: str, values: Mapping[str, object]) -> None:
    """Add values of a network to a JSON file of results, keeping the others."""
    results = json.loads(path.read_text()) if path.exists() else {}
    results[network] = results.get(network, {}) | dict(values)
    text = json.dumps(results, indent=2, sort_keys=True) + "\n"
    write(path, lambda file: file.write(text.encode()))


def _table(rows: list[list[str]]) -> str:
    """Write rows of cells, the first of them the heading, as a list-table."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'-' if place else '* -'} {cell}" for place, cell in enumerate(row)]
    return "\n".join(lines).replace("\n   - ", "\n     - ") + "\n"


def _accuracy_table(results: dict[str, Any]) -> str:
    rows = [["Network", "Committed", "Mean", "Worst", "Best", "Over"]]
    for network in [*sorted(set(results) - {BASELINE}), BASELINE]:
        runs = results[network]
        if network == BASELINE:
            first = runs["chosen"]
            scores = [score for name, score in runs.items() if name != "chosen"]
            over = f"{len(scores)} penalties"
        else:
            first = runs["0"]["exported"]
            scores = [run["exported"] for run in runs.values()]
            over = f"{len(scores)} seeds"
        numbers = (first, sum(scores) / len(scores), min(scores), max(scores))
        name = network if network == BASELINE else f"``{network}``"
        rows.append([name, *(f"{100 * n:.1f} %" for n in numbers), over])
    return _table(rows)


def _ablation_table(rates: dict[str, Any]) -> str:
    rows = [["Network", "Whole", "q = 0", "Attention's output = 0"]]
    for network in sorted(rates):
        keys = ("accuracy", "accuracy, q = 0", "accuracy, spikes = 0")
        rows.append([f"``{network}``", *(f"{100 * rates[network][key]:.1f} %" for key in keys)])
    return _table(rows)


def _rate_table(rates: dict[str, Any]) -> str:
    arrays = ("q", "k", "v", "spikes")
    rows = [["Design", "Tokens counted", *arrays]]
    for network in sorted(rates):
        for label, suffix in (("time steps", ""), ("all 32, with padding", ", padded")):
            numbers = (f"{rates[network][name + suffix]:.1f} %" for name in arrays)
            rows.append([f"``{network}``", label, *numbers])
    return _table(rows)


def filled(text: str, results: dict[str, Any], rates: dict[str, Any]) -> str:
    """Return the text of docs/data.rst with its generated tables replaced."""
    tables = {
        "accuracy": _accuracy_table(results),
        "ablation": _ablation_table(rates),
        "firing rates": _rate_table(rates),
    }
    for name, table in tables.items():
        start, end = f".. {name}: written by record.py --stats\n", f".. end of {name}\n"
        before, rest = text.split(start)
        _, after = rest.split(end)
        text = f"{before}{start}\n{table}\n{end}{after}"
    return text


def fill_document(document: Path, folder: Path) -> None:
    """Write the tables of ``document`` from results.json and rates.json in ``folder``."""
    results, rates = (json.loads((folder / f"{n}.json").read_text()) for n in ("results", "rates"))
    text = filled(document.read_text(), results, rates)
    write(document, lambda file: file.write(text.encode()))
