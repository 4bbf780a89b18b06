"""Pictures of a report: SVG, from what the report holds."""
