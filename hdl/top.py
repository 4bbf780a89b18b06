"""AXI4-Stream face of a layer: the ports of the generated Verilog."""

from typing import Final

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out, connect

from spikeloom.design.base import Design
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.serial import Narrower, Widener
from spikeloom.hdl.kinds import component

__all__ = ["PORTS", "AxiStreamTop"]

PORTS: Final = (
    *("clk", "rst"),
    *("s_axis_tdata", "s_axis_tvalid", "s_axis_tready", "s_axis_tlast"),
    *("m_axis_tdata", "m_axis_tvalid", "m_axis_tready", "m_axis_tlast"),
    "busy",
)
"""Ports of the generated Verilog, in their order."""


class AxiStreamTop(Component):
    """A layer with the port names of AXI4-Stream.

    Wires only: no latency, no cells. With fewer bits at the pins than a beat has, a
    :class:`~spikeloom.hdl.frame.serial.Widener` and a
    :class:`~spikeloom.hdl.frame.serial.Narrower` stand between pins and layer.

    Parameters
    ----------
    design : Design
        The layer.

    Members
    -------
    s_axis_tdata, s_axis_tvalid, s_axis_tlast : In
        Beats in; tlast is looked at by layers whose inferences differ in length only, for others
        the number of beats decides.
    s_axis_tready : Out(1)
        Taken with tvalid.
    m_axis_tdata, m_axis_tvalid, m_axis_tlast : Out
        Beats out; tlast marks the last beat of an inference.
    m_axis_tready : In(1)
        Taken with tvalid.
    busy : Out(1)
        High in every cycle in which the engine works.
    """

    def __init__(self, design: Design):
        self.design: Final = design
        super().__init__(
            {
                "s_axis_tdata": In(design.link),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "s_axis_tlast": In(1),
                "m_axis_tdata": Out(design.link),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.layer = layer = component(self.design)
        sink, source = layer.i, layer.o
        beat, link = self.design.beat, self.design.link
        if link < beat:
            m.submodules.widener = widener = Widener(beat, link, framed=layer.framed)
            m.submodules.narrower = narrower = Narrower(beat, link)
            connect(m, widener.o, layer.i)
            connect(m, layer.o, narrower.i)
            sink, source = widener.i, narrower.o
        m.d.comb += [
            sink.payload.data.eq(self.s_axis_tdata),
            sink.payload.last.eq(self.s_axis_tlast),
            sink.valid.eq(self.s_axis_tvalid),
            self.s_axis_tready.eq(sink.ready),
            self.m_axis_tdata.eq(source.payload.data),
            self.m_axis_tlast.eq(source.payload.last),
            self.m_axis_tvalid.eq(source.valid),
            source.ready.eq(self.m_axis_tready),
            self.busy.eq(layer.busy),
        ]
        return m
