"""Draw the tables of published figures into documents, between marked lines."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from spikeloom.figures.goals import GOALS, closest, judge
from spikeloom.figures.model import BenchError, Result, Results
from spikeloom.report.compare import number
from spikeloom.report.tables import Row, Table

__all__ = ["fill", "markdown", "readme_tables", "result_tables", "simple_table"]

_RATES = ("100", "50", "20", "5", "recorded")


def fill(text: str, tables: Mapping[str, str], *, name: str) -> str:
    """Replace what stands between the marks of each table.

    The marks are lines that hold ``bench: begin NAME`` and ``bench: end NAME``, as comments of
    whatever language the document is in; they stay.

    Parameters
    ----------
    text : str
        Document.
    tables : mapping of str to str
        Contents by name. A document may show some of them; each of its marks must be one.
    name : str
        Of the document, for messages.

    Raises
    ------
    BenchError
        A mark has no end, or names no table.
    """
    pattern = re.compile(
        r"^([^\n]*bench: begin (\S+)[^\n]*\n)(.*?)^([^\n]*bench: end \2[^\n]*)$", re.M | re.S
    )
    marks = re.findall(r"bench: begin (\S+)", text)
    found = [match[2] for match in pattern.finditer(text)]
    for mark in marks:
        if mark not in found:
            raise BenchError(f"{name}: bench: begin {mark}: must have an end, and has none")
        if mark not in tables:
            raise BenchError(f"{name}: bench: begin {mark}: must be one of {', '.join(tables)}")
    return pattern.sub(lambda match: f"{match[1]}\n{tables[match[2]]}\n{match[4]}", text)


def simple_table(table: Table) -> str:
    """Draw a table in reStructuredText, which reads as well on a terminal.

    >>> table = Table("", ("unit", "cells"), (Row(("small", "28")), Row(("large", "1,028"))))
    >>> print(simple_table(table), end="")
    =====  =====
    unit   cells
    =====  =====
    small     28
    large  1,028
    =====  =====
    """
    # An empty first cell would continue the row above, and a lone dash is a list.
    rows = [[cell if cell not in ("", "-") else "\\-" for cell in row.cells] for row in table.rows]
    drawn = [list(table.columns), *rows]
    widths = [max(map(len, column)) for column in zip(*drawn, strict=True)]
    rule = "  ".join("=" * width for width in widths)

    def line(cells: Sequence[str]) -> str:
        aligned = (
            cell.ljust(width) if table.is_text(column) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join(aligned).rstrip()

    lines = [rule, line(drawn[0]), rule, *map(line, rows), rule]
    return "\n".join(lines) + "\n" + (f"\n{table.note}\n" if table.note else "")


def markdown(table: Table) -> str:
    """Draw a table in Markdown."""
    marks = ("---" if table.is_text(column) else "---:" for column in range(len(table.columns)))
    lines = [table.columns, tuple(marks), *(row.cells for row in table.rows)]
    text = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    return text + (f"\n{table.note}\n" if table.note else "")


def result_tables(results: Results) -> dict[str, str]:
    """Draw every table of docs/results.rst, by name."""
    return {
        "goals": simple_table(_goals(results)),
        "units": simple_table(_units(results)),
        "layers": simple_table(_cells(results.of("layers"))),
        "cycles": simple_table(_cycles(results.of("layers"))),
        "mechanisms": simple_table(_cells(results.of("mechanisms"))),
        "mechanism-cycles": simple_table(_cycles(results.of("mechanisms"), ("100", "20"))),
        "growth": simple_table(_growth(results)),
        "workloads": simple_table(_cells(results.of("workloads"))),
        "workload-cycles": simple_table(_cycles(results.of("workloads"), ("100", "50", "20", "5"))),
        "networks": simple_table(_networks(results)),
        "tools": simple_table(_tools(results)),
    }


def readme_tables(results: Results) -> dict[str, str]:
    """Draw the tables of the README, by name."""
    chosen = [closest(goal, results) for goal in GOALS if goal.settings.get("similarity")]
    names = [*dict.fromkeys(name for name in chosen if name)]
    names += [n for n, r in results.of("workloads").items() if r.settings["order"] == "state"]
    tools = ", ".join(f"{name} {version}" for name, version in results.tools.items())
    rows = []
    for name in names:
        result = results.points[name]
        rows.append(
            Row(
                (
                    f"`{name}`",
                    number(result.figure("logic_cells")),
                    number(result.figure("ebr")),
                    number(result.worst_mhz, 1),
                    *(number(result.per_step(rate)) for rate in ("100", "20")),
                )
            )
        )
    note = (
        "Logic cells after packing, clock of the worst of four seeds on the UP5K, compute cycles a "
        f"time step with every spike set and at 20 % firing; {tools}."
    )
    columns = ("point", "LC", "EBR", "MHz", "cycles, 100 %", "cycles, 20 %")
    return {
        "networks": markdown(_networks(results, mark="`")),
        "results": markdown(Table("", columns, tuple(rows), note)),
    }


def _rows(
    points: Mapping[str, Result], cells: Callable[[Result], Iterable[str]]
) -> tuple[Row, ...]:
    return tuple(Row((f"``{name}``", *cells(point))) for name, point in points.items())


def _clock(result: Result) -> tuple[str, str]:
    """Worst and best clock."""
    clocks = [clock for clock in result.fmax_mhz.values() if clock is not None]
    failed = len(result.fmax_mhz) - len(clocks)
    worst = f"{failed} of {len(result.fmax_mhz)} not placed" if failed else ""
    return worst or number(result.worst_mhz, 1), number(max(clocks, default=None), 1)


def _goals(results: Results) -> Table:
    words = {True: "yes", False: "no", None: "not measured"}
    rows = tuple(
        Row((v.title, v.asked, v.measured, f"``{v.point}``" if v.point else "", words[v.reached]))
        for v in judge(results)
    )
    return Table("", ("goal", "asked", "measured", "point", "reached"), rows, left=5)


def _units(results: Results) -> Table:
    def cells(result: Result) -> Iterable[str]:
        names = ("logic_cells", "lut4", "ff", "carry")
        yield number(int(result.settings["latency"]))
        yield from (number(result.figure(name)) for name in names)
        yield from _clock(result)

    columns = ("unit", "stages", "LC", "LUT4", "FF", "carry", "worst MHz", "best MHz")
    return Table("", columns, _rows(results.of("units"), cells))


def _cells(points: Mapping[str, Result]) -> Table:
    names = ("logic_cells", "lut4", "ff", "carry", "ebr", "spram", "dsp")

    def cells(result: Result) -> Iterable[str]:
        if result.cells is None:
            yield result.shortage
            yield from ("",) * (len(names) + 1)
            return
        yield from (number(result.figure(name)) for name in names)
        yield from _clock(result)

    columns = ("point", "LC", "LUT4", "FF", "carry", "EBR", "SPRAM", "DSP", "worst MHz", "best MHz")
    return Table("", columns, _rows(points, cells))


def _cycles(points: Mapping[str, Result], rates: Sequence[str] = _RATES) -> Table:
    def cells(result: Result) -> Iterable[str]:
        yield from (number(result.per_step(rate)) for rate in rates)
        for rate in ("100", "20"):
            count = result.counts.get(rate)
            yield number(None if count is None else count.interval)
        for rate in ("100", "20"):
            product = result.product(rate)
            yield number(None if product is None else product / 1e6, 3)

    heads = (rate if rate == "recorded" else f"{rate} %" for rate in rates)
    more = ("interval 100 %", "20 %", "LC x cycles 100 %", "20 %")
    shown = {name: result for name, result in points.items() if result.counts}
    return Table("", ("point", *heads, *more), _rows(shown, cells))


def _growth(results: Results) -> Table:
    def cells(result: Result) -> Iterable[str]:
        tokens = int(result.settings["tokens"])
        yield number(tokens)
        yield from (number(result.figure(name)) for name in ("logic_cells", "ebr", "spram"))
        yield _clock(result)[0]
        for rate in ("100", "20"):
            cycles = result.per_step(rate)
            yield number(cycles)
            yield number(None if cycles is None else cycles / tokens, 1)

    columns = (
        "point", "N", "LC", "EBR", "SPRAM", "worst MHz",
        "cycles 100 %", "a token", "20 %", "a token",
    )  # fmt: skip
    return Table("", columns, _rows(results.of("growth"), cells))


def _networks(results: Results, mark: str = "``") -> Table:
    def cells(result: Result) -> Iterable[str]:
        names = ("logic_cells", "ebr", "spram", "dsp")
        yield from (number(result.figure(name)) for name in names)
        yield _clock(result)[0]
        for rate in ("recorded", "100"):
            count, clock = result.counts.get(rate), result.worst_mhz
            cycles = None if count is None else count.compute_cycles
            yield number(cycles)
            yield number(1e6 * clock / cycles if clock and cycles else None)

    columns = (
        "point", "LC", "EBR", "SPRAM", "DSP", "worst MHz",
        "cycles, test set", "a second", "longest", "a second",
    )  # fmt: skip
    shown = results.of("networks").items()
    rows = tuple(Row((f"{mark}{name}{mark}", *cells(point))) for name, point in shown)
    return Table("", columns, rows)


def _tools(results: Results) -> Table:
    seeds = {seed for point in results.points.values() for seed in point.fmax_mhz}
    facts = {
        **results.tools,
        **{f"synthesis: {key}": str(value).lower() for key, value in results.options.items()},
        "seeds of place and route": ", ".join(sorted(seeds, key=int)),
    }
    return Table("", ("tool or option", "value"), tuple(map(Row, facts.items())), left=2)
