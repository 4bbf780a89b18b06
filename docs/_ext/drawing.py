"""Directive ``drawing``: a figure that a function of docs/figures draws at every build.

``.. drawing:: orders score`` shows what ``score()`` of ``docs/figures/orders.py`` gives, an SVG
element, with the content of the directive as its caption. The option ``alt`` says in words what is
to be seen. The drawing is part of the page, so it takes the page's colours, light or dark.
"""

from importlib import import_module
from xml.etree import ElementTree

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["Drawing", "setup"]


class Drawing(SphinxDirective):
    """Insert a figure."""

    required_arguments = 2
    option_spec = {"alt": directives.unchanged_required}
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Draw, and put the caption below."""
        module, function = self.arguments
        source = import_module(module)
        self.env.note_dependency(str(source.__file__))
        svg: ElementTree.Element = getattr(source, function)()
        if "alt" not in self.options:
            raise self.error("drawing: alt: must say what is to be seen, and is missing")
        svg.set("role", "img")
        svg.set("aria-label", " ".join(self.options["alt"].split()))
        width = float(svg.get("viewBox", "").split()[2])
        svg.set("style", f"width: {width:g}px; min-width: {0.8 * width:g}px")
        for key in ("width", "height"):
            svg.attrib.pop(key, None)
        text = ElementTree.tostring(svg, encoding="unicode")
        figure = nodes.figure(classes=["drawing"])
        figure += nodes.raw(
            "", f'<div class="drawing-frame" tabindex="0">{text}</div>', format="html"
        )
        caption = nodes.caption()
        parsed = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, parsed)
        for paragraph in parsed.children:
            caption += paragraph.children
        if caption.children:
            figure += caption
        return [figure]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("drawing", Drawing)
    return {"parallel_read_safe": True}
