"""The tables of a report, the same for a terminal, a CI summary and a browser."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from spikeloom.report.compare import change, figures, number, trend
from spikeloom.report.model import Budgets, Module, Report

__all__ = ["Row", "Table", "budget_problems", "cycle_problems", "overview", "tables"]


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Parameters
    ----------
    cells : tuple of str
        Texts.
    share : float or None
        Drawn as a bar; above 1 is more than there is.
    flag : str
        Marks the row ``good`` or ``bad``, or neither.
    trends : mapping of int to str
        Columns whose change is ``better`` or ``worse``.
    module, design : str or None
        Path of the module, or name of the design, that the row is about.
    """

    cells: tuple[str, ...]
    share: float | None = None
    flag: str = ""
    trends: Mapping[int, str] = field(default_factory=dict)
    module: str | None = None
    design: str | None = None


@dataclass(frozen=True)
class Table:
    """A title, column heads, rows and a sentence below; at least ``left`` columns are text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""
    left: int = 1

    def is_text(self, column: int) -> bool:
        """Whether a column reads from the left; numbers stand to the right."""
        return column < self.left or any(_wordy(row.cells[column]) for row in self.rows)


def _wordy(cell: str) -> bool:
    return cell not in ("", "=", "-", "new") and not cell.lstrip("+-")[:1].isdigit()


def cycle_problems(report: Report) -> list[str]:
    """Say where the measured cycles are not those that the layer's formula predicts."""
    if report.measured is None or report.predicted is None or not report.exact:
        return []
    predicted = report.predicted.model_dump(exclude_none=True)
    return [
        f"{report.name}: {key}: measured {count}, predicted {predicted[key]}: they must agree"
        for key, count in report.measured.model_dump(exclude_none=True).items()
        if key in predicted and count != predicted[key]
    ]


def budget_problems(report: Report, budget: Budgets | None = None) -> list[str]:
    """Say which budgets are exceeded and by how much.

    Cells are logic cells after packing, the clock that of the worst seed, cycles the compute
    cycles of an inference.
    """
    return [message for _, message in _judge(report, budget or report.budget) if message]


def _judge(report: Report, budget: Budgets) -> list[tuple[tuple[str, str, str], str]]:
    """Judge each limit that is set: its name, value and bound, and what is wrong with it."""
    found = []
    if budget.cells is not None:
        used = report.area.logic_cells.used
        excess = f"{used - budget.cells} too many" if used > budget.cells else ""
        found.append(("cells", f"{used} logic cells", f"at most {budget.cells}", excess))
    if budget.clock_mhz is not None:
        failed = [str(seed.seed) for seed in report.seeds if seed.fmax_mhz is None]
        worst = report.fmax_worst_mhz or 0.0
        # The rounding of the message must not call a clock short by nothing.
        lack = f"{budget.clock_mhz - worst:.2f} MHz short" if worst < budget.clock_mhz else ""
        if failed:
            lack = f"seed {', '.join(failed)} could not be placed"
        bound = f"at least {budget.clock_mhz:g} MHz"
        found.append(("clock_mhz", f"{worst:.2f} MHz on the worst seed", bound, lack))
    if budget.cycles is not None:
        count = report.known.compute_cycles
        bound = f"at most {budget.cycles}"
        if count is None:
            found.append(("cycles", "not known", bound, "neither measured nor predicted"))
        else:
            excess = f"{count - budget.cycles} too many" if count > budget.cycles else ""
            found.append(("cycles", f"{count} compute cycles", bound, excess))
    return [
        (
            (key, value, bound),
            f"{report.name}: budget.{key}: {value}, {bound} allowed: {wrong}" if wrong else "",
        )
        for key, value, bound, wrong in found
    ]


def tables(
    report: Report, against: Report | None = None, budget: Budgets | None = None
) -> list[Table]:
    """Every table of one report, the most important first; with changes if ``against`` is given."""
    made = [
        _summary(report, against),
        _resources(report, against),
        _seeds(report, against),
        _steps(report),
        _pin_paths(report),
        _pins(report),
        _cycles(report, against),
        _modules(report, against),
        _budget(report, budget or report.budget),
        _facts("Options", report.options),
        _facts("Tools", report.tools),
    ]
    return [table for table in made if table.rows]


def _table(
    title: str, columns: Sequence[str], rows: Iterable[Row], *, note: str = "", left: int = 1
) -> Table:
    """Make a table, without the column of changes if there are none."""
    rows = tuple(rows)
    if columns[-1] == "change" and all(row.cells[-1] == "" for row in rows):
        columns = columns[:-1]
        rows = tuple(replace(row, cells=row.cells[:-1]) for row in rows)
    return Table(title, tuple(columns), rows, note, left)


def _summary(report: Report, against: Report | None) -> Table:
    now, then = figures(report), figures(against)
    worst, best = report.fmax_worst_mhz, report.fmax_best_mhz

    def row(name: str, value: str, key: str, digits: int = 0, flag: str = "") -> Row:
        delta = change(now[key], then[key], digits) if then else ""
        trends = {2: trend(key, now[key], then[key], digits)} if then else {}
        return Row((name, value, delta), flag=flag, trends=trends)

    rows = [Row((*words, "")) for words in (*report.layer, ("device", report.device))]
    cells = report.area.logic_cells
    text = f"{number(cells.used)} of {number(cells.available)}"
    rows.append(row("logic cells", text, "logic_cells"))
    seeds = f"{len(report.seeds)} seed{'s' if len(report.seeds) > 1 else ''}"
    clocks = "none of" if worst is None else f"{worst:.1f} to {best:.1f} MHz over"
    verdict = "reached" if report.clock_met else "NOT reached"
    text = f"{clocks} {seeds}; target {report.clock_mhz:g} MHz {verdict} by every seed"
    rows.append(row("clock", text, "fmax_mhz", 1, "good" if report.clock_met else "bad"))
    target = f"at {report.clock_mhz:g} MHz"
    for name, unit, key, digits in (
        ("cycles a time step", "", "cycles_per_step", 0),
        ("latency", f" us {target}", "latency_us", 1),
        ("inferences a second", f" {target}", "inferences_per_s", 0),
    ):
        value = now[key]
        if value is not None:
            shown = digits or (1 if value % 1 and value < 1000 else 0)
            rows.append(row(name, number(value, shown) + unit, key, shown))
    rows.append(Row(("answers", report.correctness, ""), flag="good" if report.checks else ""))
    cycles, interval = report.known.cycles, report.known.interval
    if worst is not None and worst < report.clock_mhz and cycles and interval:
        text = (
            f"latency {cycles / worst:,.1f} us, {1e6 * worst / interval:,.0f} inferences a second"
        )
        rows.append(Row((f"at {worst:.1f} MHz instead", text, "")))
    return _table(report.name, ("", "", "change"), rows, left=2)


def _resources(report: Report, against: Report | None) -> Table:
    now, then = figures(report), figures(against)
    total = {key: getattr(report.area, key).available for key in type(report.area).model_fields}
    rows = []
    for key, name in (
        ("logic_cells", "logic cells, packed"),
        ("lut4", "  LUT4 before packing"),
        ("ff", "  flip-flops before packing"),
        ("carry", "  carries before packing"),
        ("ebr", "EBR (4 kbit)"),
        ("spram", "SPRAM (256 kbit)"),
        ("dsp", "DSP (MAC16)"),
        ("pins", "pins"),
    ):
        # Every logic cell holds one LUT4, one flip-flop and one carry.
        used, available = now[key] or 0, total.get(key, total["logic_cells"])
        share = used / available if available else 0.0
        text = f"{100 * share:.1f} %" if available else "-"
        delta = change(used, then[key]) if then else ""
        trends = {4: trend(key, used, then[key])} if then else {}
        rows.append(Row((name, number(used), number(available), text, delta), share, "", trends))
    note = (
        "A logic cell holds one LUT4, one carry and one flip-flop. "
        "The layer with its memories and control; I/O pads are no logic cells."
    )
    columns = ("resource", "used", "available", "share", "change")
    return _table("Resources", columns, rows, note=note)


def _seeds(report: Report, against: Report | None) -> Table:
    before = {seed.seed: seed.fmax_mhz for seed in against.seeds} if against else {}
    rows = []
    for seed in report.seeds:
        if seed.fmax_mhz is None:
            rows.append(Row((str(seed.seed), "failed", seed.error, "", "", "", "", ""), flag="bad"))
            continue
        path = seed.worst
        where = ("-", "-", "-", "-", "-")
        if path is not None:
            delays = (number(path.logic_ns, 2), number(path.routing_ns, 2), str(path.levels))
            where = (path.start, path.end, *delays)
        old = before.get(seed.seed)
        delta = change(seed.fmax_mhz, old, 1) if against else ""
        trends = {7: trend("fmax_mhz", seed.fmax_mhz, old, 1)}
        flag = "good" if seed.fmax_mhz >= report.clock_mhz else "bad"
        cells = (str(seed.seed), f"{seed.fmax_mhz:.2f}", *where, delta)
        rows.append(Row(cells, flag=flag, trends=trends))
    columns = (
        "seed", "Fmax MHz", "worst path from", "to", "logic ns", "routing ns", "levels", "change"
    )  # fmt: skip
    note = f"Clock between registers. The bitstream is seed {report.bitstream_seed}'s."
    return _table("Clock by seed", columns, rows, note=note)


def _steps(report: Report) -> Table:
    worst = next((seed.worst for seed in report.seeds if seed.seed == report.bitstream_seed), None)
    rows, at = [], 0.0
    for step in worst.steps if worst else ():
        at += step.delay_ns
        tile = f"X{step.x} Y{step.y}"
        delays = (number(step.delay_ns, 2), number(at, 2))
        rows.append(Row((step.kind, step.signal, tile, *delays)))
    note = f"Seed {report.bitstream_seed}, that of the bitstream. Tiles are those of the floorplan."
    columns = ("through", "signal", "to tile", "ns", "in all")
    return _table("Worst path, step by step", columns, rows, note=note, left=3)


def _pin_paths(report: Report) -> Table:
    placed = [seed for seed in report.seeds if seed.fmax_mhz is not None]
    worst = min(placed, key=lambda seed: seed.fmax_mhz or 0.0)
    kinds = {"clk": "register", "pin": "pin"}
    rows = (
        Row(
            (
                f"{kinds[path.source]} to {kinds[path.target]}", path.start, path.end,
                number(path.logic_ns, 2), number(path.routing_ns, 2), number(path.total_ns, 2),
            )
        )
        for path in worst.paths
        if "pin" in (path.source, path.target)
    )  # fmt: skip
    columns = ("path", "from", "to", "logic ns", "routing ns", "total ns")
    note = f"Seed {worst.seed}. Pins are of the tool's choice; these paths do not limit the clock."
    return _table("Paths at the pins", columns, rows, note=note, left=3)


def _pins(report: Report) -> Table:
    rows = (
        Row((pin.port, pin.direction, pin.pad, "given" if pin.given else "chosen"))
        for pin in report.pins
    )
    note = f"Of the bitstream, seed {report.bitstream_seed}. Another seed chooses other pads."
    return _table("Pins", ("port", "direction", "pad", ""), rows, note=note, left=4)


def _cycles(report: Report, against: Report | None) -> Table:
    names = {
        "compute_cycles": "an engine works",
        "cycles": "first input beat to last output beat",
        "interval": "between two inferences back to back",
    }
    now = report.measured.model_dump() if report.measured else {}
    formula = report.predicted.model_dump() if report.predicted else {}
    then = figures(against)
    rows = []
    for key, meaning in names.items():
        counts = [source.get(key) for source in (now, formula)]
        if counts == [None, None]:
            continue
        agree = "-"
        if None not in counts:
            agree = "yes" if counts[0] == counts[1] else "NO" if report.exact else "estimate"
        cells = (
            key, meaning, number(counts[0]), number(counts[1]), agree,
            change(counts[0] or counts[1], then[key]) if then else "",
        )  # fmt: skip
        trends = {5: trend(key, counts[0] or counts[1], then[key])} if then else {}
        flag = {"yes": "good", "NO": "bad"}.get(agree, "")
        rows.append(Row(cells, flag=flag, trends=trends))
    columns = ("cycles", "", "measured", "formula", "agree", "change")
    note = f"Stimulus: {report.stimulus}." if report.stimulus else ""
    return _table("Cycles of an inference", columns, rows, note=note, left=2)


def _modules(report: Report, against: Report | None) -> Table:
    before = {module.path: module for module in against.modules} if against else {}
    total = report.area.logic_cells.used
    rows = []
    for module in report.modules:
        inside = _inside(report.modules, module.path)
        depth = module.path.count(".") + 1 if module.path else 0
        if module.path.startswith("("):
            name = f"  {module.path}"
        else:
            # Numbers that only tell names apart say nothing here.
            own = re.sub(r"\$\d+$", "", module.path.rpartition(".")[2])
            name = "  " * depth + (own or report.name)
        old = None
        if against and module.path in before:
            old = _inside(against.modules, module.path)
        delta = change(inside, old) if against else ""
        cells = (
            name, number(inside), number(module.logic_cells), number(module.ffs),
            number(module.carries), number(module.ebr), number(module.spram), number(module.dsp),
            delta,
        )  # fmt: skip
        share = inside / total if total else 0.0
        trends = {8: trend("logic_cells", inside, old)}
        rows.append(Row(cells, share, trends=trends, module=module.path))
    columns = ("module", "with parts", "own cells", "FF", "carry", "EBR", "SPRAM", "DSP", "change")
    note = "Logic cells after packing, by the name of the net they drive; ports count for the top."
    return _table("Area by module", columns, rows, note=note)


def _inside(modules: Iterable[Module], path: str) -> int:
    """Count the logic cells of a module and all that is in it."""
    return sum(
        module.logic_cells
        for module in modules
        if not path or module.path == path or module.path.startswith(f"{path}.")
    )


def _budget(report: Report, budget: Budgets) -> Table:
    rows = (
        Row((*limit, "exceeded" if wrong else "kept"), flag="bad" if wrong else "good")
        for limit, wrong in _judge(report, budget)
    )
    return _table("Budget", ("budget", "value", "allowed", "verdict"), rows, left=4)


def _facts(title: str, facts: Mapping[str, bool | int | str]) -> Table:
    rows = (Row((key, str(value).lower())) for key, value in facts.items())
    return _table(title, ("", ""), rows, left=2)


def overview(
    reports: Sequence[Report], against: Sequence[Report] = (), budget: Budgets | None = None
) -> Table:
    """One line a design, with the change against the report of the same name."""
    before = {report.name: report for report in against}
    columns = {
        "logic_cells": ("logic cells", 0),
        "ebr": ("EBR", 0),
        "spram": ("SPRAM", 0),
        "dsp": ("DSP", 0),
        "fmax_mhz": ("Fmax MHz", 1),
        "cycles_per_step": ("cycles a step", 0),
        "latency_us": ("latency us", 1),
        "inferences_per_s": ("inferences/s", 0),
    }
    rows = []
    for report in reports:
        now, then = figures(report), figures(before.get(report.name))
        cells = [report.name if then or not against else f"{report.name} (new)", report.device]
        trends: dict[int, str] = {}
        for key, (_, digits) in columns.items():
            # The change without its per cent, which would take the width of the table.
            delta = change(now[key], then[key], digits).split(" ")[0] if then else "="
            text = number(now[key], digits)
            trends[len(cells)] = trend(key, now[key], then[key], digits) if then else ""
            cells.append(text if delta in ("=", "-") else f"{text} ({delta})")
        compared = {check.target for check in report.checks}
        names = (("rtl", "RTL"), ("netlist", "netlist"))
        cells.append(", ".join(name for key, name in names if key in compared) or "-")
        wrong = cycle_problems(report) + budget_problems(report, budget)
        cells.append("no" if wrong else "yes")
        flag = "bad" if wrong else "good"
        rows.append(Row(tuple(cells), flag=flag, trends=trends, design=report.name))
    gone = sorted(set(before) - {report.name for report in reports})
    heads = ("design", "device", *(head for head, _ in columns.values()), "equal", "kept")
    note = (
        "Fmax of the worst seed; latency and rate at the design's target clock. "
        "Equal: what gave the golden model's answers. "
        "Kept: every budget, and cycles as the formula says."
    )
    if gone:
        note += f" No longer built: {', '.join(gone)}."
    return Table("Designs", heads, tuple(rows), note, left=2)
