"""The design files that other tools go through."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def example(name: str) -> Path:
    """Return the design file NAME.toml of the examples, whichever folder holds it."""
    (found,) = (ROOT / "examples").glob(f"**/{name}.toml")
    return found


def examples() -> dict[str, Path]:
    """Return the design files of all examples by name, of networks by that of their folder."""
    paths = (ROOT / "examples").glob("**/*.toml")
    found = {path.parent.name if path.stem == "network" else path.stem: path for path in paths}
    return dict(sorted(found.items()))
