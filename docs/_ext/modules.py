"""Directive ``modules``: every module of a package, by autodoc, so that none can be forgotten."""

import importlib.util
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


def names(package: str) -> list[str]:
    """List the modules directly inside a package, without its subpackages and its entry point."""
    path = import_module(package).__path__
    return [
        f"{package}.{module.name}"
        for module in pkgutil.iter_modules(path)
        if module.name != "__main__" and not _is_package(f"{package}.{module.name}")
    ]


def _passed_on(name: str) -> list[str]:
    """List the public names of a module that another module defines."""
    module = import_module(name)
    return [
        public
        for public in getattr(module, "__all__", ())
        if getattr(getattr(module, public), "__module__", name) not in (name, "builtins", "typing")
    ]


def _is_package(name: str) -> bool:
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.submodule_search_locations is not None


class Modules(SphinxDirective):
    """Insert a section for each module of the package that is named."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Parse one heading and one ``automodule`` a module."""
        found: list[nodes.Node] = []
        for name in names(self.arguments[0]):
            short = name.rpartition(".")[2]
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
