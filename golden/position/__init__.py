"""Position encodings, as formulas."""
