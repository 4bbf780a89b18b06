"""Directive ``design-keys``: the keys of a design file, from the model that validates them.

``.. design-keys::`` lists the keys of an attention layer outside of sections, with ``gray`` those
of ``[gray]``, and with the name of another kind of layer those of that kind. Values and ranges come
from the JSON Schema, defaults and meanings from the model.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from math import log
from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import RSTStateMachine
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from spikeloom.design import schema
from spikeloom.design.position import POSITIONS
from spikeloom.kinds import KINDS, part, stem

__all__ = ["SECTIONS", "keys", "others", "setup", "table"]

SECTIONS = (
    *POSITIONS,
    *("norm", "folding", "lanes", "target", "budget"),
    *("weights", "bias", "thresholds", "cpg"),
    *("encoder", "block", "readout", "networkfolding"),
)


def keys(section: str = "") -> dict[str, dict[str, Any]]:
    """Give the keys of a section or kind, or with an empty name those of an attention layer."""
    kind = section or KINDS[0]
    parts = _schema()["$defs"]
    name = part(kind, "design").__name__ if kind in KINDS else section
    found = next(made for key, made in parts.items() if name in (key, key.lower()))
    required = found.get("required", ())
    return {
        name: {**rule, "required": name in required}
        for name, rule in found["properties"].items()
        if not _is_section(rule)
    }


@cache
def _schema() -> dict[str, Any]:
    """Make the schema once for all tables."""
    return schema()


def _is_section(rule: Mapping[str, Any]) -> bool:
    """Tell a section, and a list of sections, from a key with a value."""
    rules = rule.get("anyOf", [rule])
    return any("$ref" in {**r, **r.get("items", {})} or r.get("type") == "object" for r in rules)


def table(section: str = "") -> list[str]:
    """Write the table of a section as reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 16 34 14 36", "   :class: cards"]
    lines.append("")
    rows = [("Key", "Value", "Default", "Meaning")]
    for name, rule in keys(section).items():
        rows.append((f"``{name}``", _values(rule), _default(rule), _escape(rule["description"])))
    for row in rows:
        lines += [f"   {'*' if not n else ' '} - {cell}" for n, cell in enumerate(row)]
    return [*lines, ""]


def _values(rule: Mapping[str, Any]) -> str:
    """Say in words what a rule of the schema accepts."""
    if "anyOf" in rule:
        kinds = dict.fromkeys(_values(kind) for kind in rule["anyOf"])
        return "; or ".join(kinds)
    if "enum" in rule:
        return ", ".join(f"``{_toml(value)}``" for value in rule["enum"])
    kind = rule.get("type")
    low = rule.get("minimum", rule.get("exclusiveMinimum"))
    if kind in ("integer", "number"):
        noun = {"integer": "integer", "number": "number"}[kind]
        if low is None:
            return noun
        start = f"above {_plain(low)}, up to" if "exclusiveMinimum" in rule else f"{_plain(low)} to"
        return f"{noun}, {start} {_plain(rule['maximum'])}"
    if kind == "array":
        items = rule.get("items") or rule["prefixItems"][0]
        if rule.get("maxItems") == 2:
            return f"list of two: {_values(items)}"
        return f"list of: {_values(items)}"
    if kind == "boolean":
        return "``true``, ``false``"
    if kind == "string" and "\\d" in rule.get("pattern", ""):
        return 'string ``"a/b"``'
    if kind == "string" and "sha256" in rule.get("pattern", ""):
        return 'string ``"sha256:..."``'
    if kind == "string" and "pattern" in rule:
        return "lower-case letters, digits and ``-``, from a letter on, at most 63"
    if kind == "string":
        return "string"
    raise ValueError(f"Rule must be of a kind that this directive words, not {rule!r}")


def _plain(number: float) -> str:
    """Write a bound: a small one as it is, a great one as a power of 2 or 10 where it is one."""
    size = Fraction(str(abs(number)))
    sign = "-" if number < 0 else ""
    for base, few in ((2, 16), (10, 6)):
        power = round(log(size, base)) if size else 0
        if abs(power) >= few and size == Fraction(base) ** power:
            return f"{sign}{base}\\ :sup:`{power}`"
    return f"{number:g}" if size < 1 else f"{number:,}"


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _default(rule: Mapping[str, Any]) -> str:
    if rule["required"]:
        return "*required*"
    if "default" not in rule:
        return "none"
    value = rule["default"]
    if value == []:
        return '``"none"``'
    if isinstance(value, bool):
        return f"``{str(value).lower()}``"
    return f"``{_toml(value)}``"


def _escape(text: str) -> str:
    return text.replace("*", "\\*").replace("_", "\\_").replace("|", "\\|")


def others(text: str) -> tuple[str, ...]:
    """Return the kinds whose keys a page does not list by their names."""
    return tuple(kind for kind in KINDS[1:] if f".. design-keys:: {kind}\n" not in text)


def _tables(kinds: Sequence[str]) -> list[str]:
    """Write the tables of several kinds, each below a line with its name and page."""
    lines = []
    for kind in kinds:
        said = f'``kind = "{kind}"`` (:doc:`cores/{stem(kind)}`):'
        lines += [said, "", *table(kind)]
    return lines


class DesignKeys(SphinxDirective):
    """Insert the table of a section."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Parse the table in place."""
        section = self.arguments[0] if self.arguments else ""
        if section and section not in ("others", *SECTIONS, *KINDS):
            raise self.error(
                f"design-keys: section must be one of {', '.join((*SECTIONS, *KINDS))}"
            )
        self.env.note_dependency(__file__)
        state: RSTStateMachine = self.state
        node = nodes.container()
        if section == "others":
            lines = _tables(others(self.env.doc2path(self.env.docname).read_text(encoding="utf-8")))
        else:
            lines = table(section)
        state.nested_parse(StringList(lines, source=__file__), self.content_offset, node)
        return list(node.children)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("design-keys", DesignKeys)
    return {"parallel_read_safe": True}
