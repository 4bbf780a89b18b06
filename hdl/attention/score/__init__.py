"""Score order: A = similarity(q, k) first, then A v."""
