"""``python -m spikeloom``: the same as the command ``spikeloom``."""

from spikeloom.cli import entry

if __name__ == "__main__":
    entry()
