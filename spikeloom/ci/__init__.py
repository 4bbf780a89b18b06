"""Continuous integration: designs built, compared and judged, in words that a CI service shows."""
