"""Sphinx configuration: ``sphinx-build -W --keep-going docs out/docs``."""

import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "Spikeloom"
author = "the authors of Spikeloom"
project_copyright = author
version = release = installed("spikeloom")
language = "en"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
    # From _ext: tables of keys and pages of modules, made from the sources at every build.
    "design_keys",
    "modules",
    "mathml",
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

html_math_renderer = "mathml"
html_theme = "alabaster"
html_theme_options = {
    "description": "Spiking-transformer attention for small FPGAs",
    "fixed_sidebar": True,
    "page_width": "1080px",
    "sidebar_width": "240px",
}
html_show_sphinx = False
html_copy_source = False
