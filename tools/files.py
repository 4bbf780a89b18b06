"""The design files that other tools go through."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def examples() -> dict[str, Path]:
    """Return the design files of all examples by name, of networks by that of their folder."""
    paths = sorted((ROOT / "examples").glob("**/*.toml"))
    return {path.parent.name if path.stem == "network" else path.stem: path for path in paths}
