"""What the engine is told: a network as layers, their passes, and the words that say them."""
