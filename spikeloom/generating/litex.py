"""A layer as a module of LiteX, with stream endpoints in place of its AXI4-Stream ports."""

from spikeloom.boards.devices import DEVICES
from spikeloom.design.base import Design
from spikeloom.generating.description import load_bytes
from spikeloom.hdl.kinds import asked
from spikeloom.owner import mark

__all__ = ["litex_file"]

_MODULE = '''\
# {mark}
"""The layer {name} as a LiteX module."""

from pathlib import Path

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import ClockSignal, Instance, ResetSignal, Signal

__all__ = ["{title}"]

_HERE = Path(__file__).resolve().parent


class {title}(LiteXModule):
    """Beats in, beats out; {name}.json has their order.

    Hold the reset of the clock domain for {reset} microseconds after configuration.

    Parameters
    ----------
    platform : litex.build.generic_platform.GenericPlatform or None
        Where the Verilog is added as a source; None leaves that to the caller.

    Attributes
    ----------
    sink, source : stream.Endpoint
        Words of {link} bits, ``data``. {last}
        ``source.last`` goes with the last word of an inference. ``first`` is not looked at, and
        not set.
    busy : Signal
        High in every cycle in which an engine works.
    """

    SOURCES = ({sources},)
{load}
    def __init__(self, platform=None):
        self.sink = sink = stream.Endpoint([("data", {link})])
        self.source = source = stream.Endpoint([("data", {link})])
        self.busy = Signal()
        self.specials += Instance(
            "{module}",
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_s_axis_tdata=sink.data,
            i_s_axis_tvalid=sink.valid,
            o_s_axis_tready=sink.ready,
            i_s_axis_tlast=sink.last,
            o_m_axis_tdata=source.data,
            o_m_axis_tvalid=source.valid,
            i_m_axis_tready=source.ready,
            o_m_axis_tlast=source.last,
            o_busy=self.busy,
        )
        if platform is not None:
            for path in self.SOURCES:
                platform.add_source(str(path))
'''


def litex_file(design: Design) -> str:
    """Write the Python file of a layer's LiteX module; the Verilog is found beside it."""
    last = "``sink.last`` is not looked at."
    if asked(design).framed:
        last = "``sink.last`` ends a sequence."
    load = (
        f'\n    LOAD = _HERE / "{design.name}.load"  # To send first, with ``last`` at its end.\n'
    )
    return _MODULE.format(
        mark=mark(design.name),
        name=design.name,
        module=design.module,
        title="".join(word.capitalize() for word in design.name.split("-")),
        link=design.link,
        last=last,
        reset=f"{DEVICES[design.target.device].wake_us:g}",
        load=load if load_bytes(design) else "",
        sources=f'_HERE / "{design.name}.v"',
    )
