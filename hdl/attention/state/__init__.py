"""State order: S = K^T V first, then q S, one spike a cycle."""
