"""Sphinx configuration: ``sphinx-build -W --keep-going docs out/docs``."""

import sys
import warnings
from importlib.metadata import version as installed
from pathlib import Path

from amaranth.hdl import UnusedElaboratable

sys.path[:0] = [str(Path(__file__).parent / folder) for folder in ("_ext", "figures")]
# Components are made only to be asked for their ports and their latency.
warnings.simplefilter("ignore", UnusedElaboratable)

project = "Spikeloom"
author = "the authors of Spikeloom"
project_copyright = author
version = release = installed("spikeloom")
language = "en"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    # From _ext: tables of keys, drawings, pages of modules: all made from the sources.
    "design_keys",
    "drawing",
    "modules",
    "mathml",
    "table_cells",
]
exclude_patterns = ["_ext", "figures/*.py"]
# Types are named in docstrings without their modules, and two modules each have a Netlist.
suppress_warnings = ["ref.python"]

# tests/test_docs.py runs the examples of pages, tests/test_doctest.py those of docstrings, each
# with the names of its module; this extension only hides their set-up.
doctest_test_doctest_blocks = ""

napoleon_google_docstring = False
napoleon_numpy_docstring = True
# Ports of a component, set like parameters.
napoleon_custom_sections = [("Members", "params_style")]
autodoc_member_order = "bysource"
# Shapes and ranges stand in the docstrings; a signature of pydantic's validators says nothing.
autodoc_typehints = "none"
autodoc_preserve_defaults = True

# Every page draws the whole navigation: with each method in it, that takes a second a page.
toc_object_entries = False

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "Spikeloom"
html_logo = html_favicon = "_static/spikeloom.svg"
html_static_path = ["_static"]
html_css_files = ["spikeloom.css"]
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "github-dark"
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b6e69",
        "color-brand-content": "#0b6e69",
        "color-api-name": "#0b6e69",
        "color-api-pre-name": "#5a5c63",
    },
    "dark_css_variables": {
        "color-brand-primary": "#5cc8be",
        "color-brand-content": "#5cc8be",
        "color-api-name": "#5cc8be",
        "color-api-pre-name": "#9ca0a5",
    },
}
# What is typed, without the prompt and without what it answers.
copybutton_prompt_text = "$ "
copybutton_exclude = ".linenos, .gp, .go"
html_show_sphinx = False
html_copy_source = False
