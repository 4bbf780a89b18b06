"""Position encodings, as units of a layer."""
