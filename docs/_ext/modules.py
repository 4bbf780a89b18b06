"""Directive ``modules``: every module of a package, by autodoc, so that none can be forgotten."""

import inspect
import pkgutil
from importlib import import_module
from typing import Any

from amaranth.lib import wiring
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["names", "setup"]

_APART = {f"spikeloom.{part}" for part in ("hdl", "golden", "sim", "boards", "torch")}


def names(package: str) -> list[str]:
    """List the modules of a package and of its subpackages, without entry points.

    Of the whole project these are those of the face: the parts with folders of their own have
    pages of their own.
    """
    path = import_module(package).__path__
    found = []
    for module in pkgutil.iter_modules(path, f"{package}."):
        if module.ispkg:
            found += [] if module.name in _APART else names(module.name)
        elif not module.name.endswith(".__main__"):
            found.append(module.name)
    return found


def _passed_on(name: str) -> list[str]:
    """List the public names of a module that another module defines."""
    module = import_module(name)
    return [
        public
        for public in getattr(module, "__all__", ())
        if getattr(getattr(module, public), "__module__", name) not in (name, "builtins", "typing")
    ]


class Modules(SphinxDirective):
    """Insert a section for each module of the package that is named.

    A package of which an optional extra is missing is said to be left out.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Parse one heading and one ``automodule`` a module."""
        found: list[nodes.Node] = []
        try:
            listed = names(self.arguments[0])
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("spikeloom"):
                raise
            text = f"Left out, since {error.name} was not installed when these pages were made."
            return [nodes.paragraph(text=text)]
        for name in listed:
            short = name.removeprefix(f"{self.arguments[0]}.")
            section = nodes.section(ids=[f"module-{name.replace('.', '-')}"], names=[name])
            section += nodes.title(short, short)
            # What a module passes on is documented where it comes from.
            passed_on = ", ".join(_passed_on(name))
            lines = [f".. automodule:: {name}", "   :members:"]
            lines += [f"   :exclude-members: {passed_on}"] if passed_on else []
            self.state.nested_parse(
                StringList(lines, source=__file__), self.content_offset, section
            )
            found.append(section)
        return found


def _signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str, returned: str
) -> tuple[str, str] | None:
    """Show the parameters of a component, which its metaclass hides."""
    if what != "class" or not issubclass(thing, wiring.Component):
        return None
    whole = inspect.signature(thing.__init__)
    shown = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in list(whole.parameters.values())[1:]
    ]
    made = whole.replace(parameters=shown, return_annotation=inspect.Signature.empty)
    return str(made), returned


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("modules", Modules)
    app.connect("autodoc-process-signature", _signature)
    return {"parallel_read_safe": True}
