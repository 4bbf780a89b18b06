"""Population counts: of a word, and of equal pairs of bits."""
