"""What a user sees of the commands in a terminal, and without one."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], ["amaranth", "numpy", "pydantic"]),
        (["report", "/none"], ["amaranth", "numpy", "spikeloom.design"]),
        (["schema"], ["amaranth", "spikeloom.hdl", "spikeloom.report"]),
    ],
    ids=str,
)
def test_a_command_imports_what_it_needs(arguments, unwanted):
    code = (
        "import contextlib, sys\n"
        "from spikeloom.cli import main\n"
        "with contextlib.suppress(SystemExit):\n"
        f"    main({arguments})\n"
        f"print([name for name in {unwanted} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
