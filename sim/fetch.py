"""Get Icarus Verilog without root: Debian's package, unpacked for this environment alone.

``python -m spikeloom.sim.fetch`` does nothing if an ``iverilog`` is already found.
"""

import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from spikeloom.boards.tools import ToolError, run_tool
from spikeloom.sim.cache import cached
from spikeloom.sim.runner import scripts_folder, search_path

__all__ = ["fetch_icarus", "main"]

_MANUAL = "install it by hand (Debian, Ubuntu: apt-get install iverilog) and try again"


def fetch_icarus(scripts: Path) -> Path:
    """Unpack Debian's ``iverilog`` package and write ``iverilog`` and ``vvp`` into ``scripts``.

    Needs ``apt-get`` and ``dpkg-deb``, no rights and no installed package lists. The package goes
    to the cache folder, whose path must be free of spaces: Icarus hands it to a shell unquoted.

    Returns
    -------
    Path
        The new ``iverilog`` command.

    Raises
    ------
    ToolError
        The package cannot be had. The message says how to install it by hand.
    """
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        raise ToolError(
            f"icarus: {missing[0]} must be installed to fetch it, and is not; {_MANUAL}"
        )
    try:
        root = cached("icarus", ("debian package", _release()), _unpack)
    except ToolError as error:
        raise ToolError(f"icarus: {error}; {_MANUAL}", error.log) from error
    if " " in str(root):
        raise ToolError(
            f"icarus: the cache folder must have no space in its path, not {str(root)!r}; set "
            "SPIKELOOM_CACHE to another"
        )
    [base] = root.glob("usr/lib/*/ivl")
    for name, option in (("vvp", "-M"), ("iverilog", "-B")):
        command = f"exec {root / 'usr/bin' / name} {option} {base}"
        script = scripts / name
        script.write_text(f'#!/bin/sh\n{command} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    run_tool([str(scripts / "iverilog"), "-V"], cwd=scripts, name="icarus")
    run_tool([str(scripts / "vvp"), "-V"], cwd=scripts, name="icarus")
    return scripts / "iverilog"


def _release() -> str:
    """Tell systems apart whose packages differ."""
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    machine = run_tool(["dpkg", "--print-architecture"], cwd=Path("/"))
    return text + machine


def _unpack(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as state:
        # Lists of our own: the system's may be missing, and only root may refresh them.
        lists = Path(state) / "lists"
        cache = Path(state) / "cache"
        (lists / "partial").mkdir(parents=True)
        (cache / "archives" / "partial").mkdir(parents=True)
        settings = (f"Dir::State::Lists={lists}", f"Dir::Cache={cache}", "Debug::NoLocking=1")
        options = [part for setting in settings for part in ("-o", setting)]
        run_tool(["apt-get", *options, "-q", "update"], cwd=Path(state), name="apt-get update")
        download = ["apt-get", *options, "-q", "download", "iverilog"]
        run_tool(download, cwd=Path(state), name="apt-get download")
        packages = list(Path(state).glob("iverilog_*.deb"))
        if not packages:
            raise ToolError("apt-get: the package iverilog must be on offer, and is not")
        run_tool(["dpkg-deb", "-x", str(packages[0]), str(folder)], cwd=Path(state))


def main() -> int:
    """Fetch Icarus unless it is there; give an exit code."""
    found = shutil.which("iverilog", path=search_path())
    if found is not None and _works(found):
        return 0
    try:
        command = fetch_icarus(scripts_folder())
    except (OSError, ToolError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"icarus: {shlex.quote(str(command))}", file=sys.stderr)
    return 0


def _works(command: str) -> bool:
    """Say if a command runs: one left from an emptied cache does not."""
    done = subprocess.run([command, "-V"], capture_output=True, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
