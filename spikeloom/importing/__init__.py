"""Published checkpoints as networks in integers."""
