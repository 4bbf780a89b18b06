"""The design files that other tools go through."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def examples() -> dict[str, Path]:
    """Return the design files of all examples, by name."""
    return {path.stem: path for path in sorted((ROOT / "examples").glob("**/*.toml"))}
