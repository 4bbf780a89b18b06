"""Design files as they were in another revision of a Git repository."""

import contextlib
import hashlib
import io
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from spikeloom.design.base import Design
from spikeloom.files import InputError, scratch
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.verilog import to_rtlil

__all__ = ["checked_out", "is_revision", "same_hardware"]


def is_revision(text: str, folder: Path) -> bool:
    """Tell whether Git knows a revision by this name in the repository around ``folder``."""
    return _git(folder, "rev-parse", "--verify", "--quiet", f"{text}^{{commit}}").returncode == 0


@contextlib.contextmanager
def checked_out(
    revision: str, designs: Mapping[str, Path], folder: Path
) -> Iterator[dict[str, Path]]:
    """Give the design files that existed in a revision, by name, with all files around them.

    They lie in a temporary folder, gone after the block; neither the working tree nor the
    repository is touched.

    Parameters
    ----------
    revision : str
        A commit, branch or tag.
    designs : mapping of str to Path
        Design files of today by the names of the designs.
    folder : Path
        A folder of the repository.

    Raises
    ------
    InputError
        Git cannot give the files; says why.
    """
    top = Path(_text(folder, "rev-parse", "--show-toplevel").decode().strip())
    with scratch() as work:
        files = _text(folder, "-C", str(top), "archive", "--format=tar", revision)
        with tarfile.open(fileobj=io.BytesIO(files)) as archive:
            # As a checkout would, links and all; Python before 3.11.4 takes no filter by name.
            archive.extraction_filter = lambda member, _: member
            archive.extractall(work)
        there = {
            name: work / path.resolve().relative_to(top)
            for name, path in designs.items()
            if path.resolve().is_relative_to(top)
        }
        yield {name: path for name, path in there.items() if path.is_file()}


def same_hardware(one: Design, other: Design) -> bool:
    """Tell whether a build of two designs gives the same, by their RTLIL and their targets."""
    return one.target == other.target and _digest(one) == _digest(other)


def _digest(design: Design) -> str:
    return hashlib.sha256(to_rtlil(AxiStreamTop(design), design.module).encode()).hexdigest()


def _git(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise InputError("git: must be installed to compare with a revision, and is not") from None


def _text(folder: Path, *arguments: str) -> bytes:
    done = _git(folder, *arguments)
    if done.returncode:
        why = " ".join(done.stderr.decode(errors="replace").split()) or "no reason given"
        raise InputError(f"git {arguments[0]}: must succeed to compare with a revision: {why}")
    return done.stdout
