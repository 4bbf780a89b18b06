"""State order with several spikes a cycle."""
