"""AXI4-Stream face of a layer: the ports of the generated Verilog."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..design_layer import Layer
from .layers import component

__all__ = ["AxiStreamTop"]


class AxiStreamTop(wiring.Component):
    """A layer with the port names of AXI4-Stream.

    Wires only: no latency, no cells.

    Parameters
    ----------
    design : Layer
        The layer.

    Members
    -------
    s_axis_tdata, s_axis_tvalid, s_axis_tlast : In
        Beats in; tlast is not looked at, the number of beats decides.
    s_axis_tready : Out(1)
        Taken with tvalid.
    m_axis_tdata, m_axis_tvalid, m_axis_tlast : Out
        Beats out; tlast marks the last beat of an inference.
    m_axis_tready : In(1)
        Taken with tvalid.
    busy : Out(1)
        High in every cycle in which the engine works.
    """

    s_axis_tdata: Signal
    s_axis_tvalid: Signal
    s_axis_tready: Signal
    s_axis_tlast: Signal
    m_axis_tdata: Signal
    m_axis_tvalid: Signal
    m_axis_tready: Signal
    m_axis_tlast: Signal
    busy: Signal

    def __init__(self, design: Layer):
        self._design = design
        super().__init__(
            {
                "s_axis_tdata": In(design.beat),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "s_axis_tlast": In(1),
                "m_axis_tdata": Out(design.beat),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                "busy": Out(1),
            }
        )

    @property
    def design(self) -> Layer:
        """The layer."""
        return self._design

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.layer = layer = component(self._design)
        m.d.comb += [
            layer.i.payload.data.eq(self.s_axis_tdata),
            layer.i.payload.last.eq(self.s_axis_tlast),
            layer.i.valid.eq(self.s_axis_tvalid),
            self.s_axis_tready.eq(layer.i.ready),
            self.m_axis_tdata.eq(layer.o.payload.data),
            self.m_axis_tlast.eq(layer.o.payload.last),
            self.m_axis_tvalid.eq(layer.o.valid),
            layer.o.ready.eq(self.m_axis_tready),
            self.busy.eq(layer.busy),
        ]
        return m
