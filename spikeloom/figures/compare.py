"""Compare measured figures with published ones: exactly, since pinned tools repeat themselves."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from spikeloom.figures.model import BenchError, Result, Results
from spikeloom.report.tables import Row, Table

__all__ = ["Difference", "compare", "difference_table", "refuse_other_tools", "stale"]

_MISSING = "(none)"


@dataclass(frozen=True)
class Difference:
    """One figure that is not as published; both sides as text."""

    point: str
    figure: str
    published: str
    measured: str

    def to_dict(self) -> dict[str, str]:
        """Give name and value of each field."""
        return asdict(self)


def refuse_other_tools(file: object, results: Results, tools: Mapping[str, str]) -> None:
    """Raise :exc:`BenchError` unless the figures were measured with these very tools."""
    for name in sorted({*results.tools, *tools}):
        published, here = results.tools.get(name, _MISSING), tools.get(name, _MISSING)
        if published != here:
            raise BenchError(
                f"{file}: tools.{name}: {published}: here it is {here}, and figures of different "
                "tools must not be compared; install what constraints.txt names"
            )


def compare(
    published: Mapping[str, Result], measured: Mapping[str, Result], *, whole: bool = False
) -> list[Difference]:
    """List every measured figure that is not published as it is.

    Parameters
    ----------
    published, measured : mapping of str to Result
        By name of the point.
    whole : bool
        The measurement is of everything: a point or figure that is published and not measured is
        a difference too.
    """
    found = []
    for name, now in measured.items():
        before = published.get(name)
        if before is None:
            found.append(Difference(name, "point", _MISSING, "measured"))
            continue
        then, figures = before.figures(), now.figures()
        for key in [*figures, *(set(then) - set(figures) if whole else ())]:
            sides = [side.get(key, _MISSING) for side in (then, figures)]
            if sides[0] != sides[1]:
                found.append(Difference(name, key, _text(sides[0]), _text(sides[1])))
    if whole:
        gone = [name for name in published if name not in measured]
        found += [Difference(name, "point", "published", _MISSING) for name in gone]
    return found


def stale(published: Mapping[str, Result], sources: Mapping[str, str]) -> list[Difference]:
    """List the points whose RTLIL is not that of their published figures.

    With the same tools, the same RTLIL gives the same figures, so this tells what needs to be
    measured again without measuring it.

    Parameters
    ----------
    published : mapping of str to Result
        By name of the point.
    sources : mapping of str to str
        Digest of every point's RTLIL.
    """
    found = []
    for name, source in sources.items():
        then = published[name].source if name in published else _MISSING
        if then != source:
            found.append(Difference(name, "source", then, source))
    return found


def _text(value: object) -> str:
    return "none" if value is None else str(value)


def difference_table(differences: Iterable[Difference]) -> Table:
    """Show differences, one a row."""
    rows = (Row((d.point, d.figure, d.published, d.measured)) for d in differences)
    columns = ("point", "figure", "published", "measured")
    return Table("Figures that differ", columns, tuple(rows), left=2)
