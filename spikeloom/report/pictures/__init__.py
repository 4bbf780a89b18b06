"""Pictures of a report, as SVG within the page."""
