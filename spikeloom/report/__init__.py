"""Reports: what a layer costs, for a terminal, a CI summary, a browser and a program."""

from spikeloom.report.files import Report, ReportError, find, load, problems, show, write

__all__ = ["Report", "ReportError", "find", "load", "problems", "show", "write"]
