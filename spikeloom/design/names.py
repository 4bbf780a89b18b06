"""Names of layers: of their files and of their Verilog modules, in every tool and language."""

import re
from pathlib import PurePath

from spikeloom.design.read import DesignError, show

__all__ = ["LONGEST", "PATTERN", "check_name", "default_name"]

PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
"""What a name is made of. VHDL takes no two underscores in a row and none at the end."""

LONGEST = 63
"""Characters of a name at most."""

_VERILOG = """
    accept_on alias always always_comb always_ff always_latch and assert assign assume automatic
    before begin bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle
    checker class clocking cmos config const constraint context continue cover covergroup
    coverpoint cross deassign default defparam design disable dist do edge else end endcase
    endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface
    endmodule endpackage endprimitive endprogram endproperty endspecify endsequence endtable
    endtask enum event eventually expect export extends extern final first_match for force foreach
    forever fork forkjoin function generate genvar global highz0 highz1 if iff ifnone ignore_bins
    illegal_bins implements implies import incdir include initial inout input inside instance int
    integer interconnect interface intersect join join_any join_none large let liblist library
    local localparam logic longint macromodule matches medium modport module nand negedge nettype
    new nexttime nmos nor noshowcancelled not notif0 notif1 null or output package packed parameter
    pmos posedge primitive priority program property protected pull0 pull1 pulldown pullup
    pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real
    realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1
    s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal
    showcancelled signed small soft solve specify specparam static string strong strong0 strong1
    struct super supply0 supply1 sync_accept_on sync_reject_on table tagged task this throughout
    time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type typedef
    union unique unique0 unsigned until until_with untyped use uwire var vectored virtual void wait
    wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
"""
_VHDL = """
    abs access after alias all and architecture array assert assume assume_guarantee attribute begin
    block body buffer bus case component configuration constant context cover default disconnect
    downto else elsif end entity exit fairness file for force function generate generic group
    guarded if impure in inertial inout is label library linkage literal loop map mod nand new next
    nor not null of on open or others out package parameter port postponed private procedure process
    property protected pure range record register reject release rem report restrict
    restrict_guarantee return rol ror select sequence severity shared signal sla sll sra srl strong
    subtype then to transport type unaffected units until use variable view vmode vpkg vprop vunit
    wait when while with xnor xor
"""
_PORTS = """
    clk rst busy s_axis_tdata s_axis_tvalid s_axis_tready s_axis_tlast m_axis_tdata m_axis_tvalid
    m_axis_tready m_axis_tlast
"""
# VHDL does not tell these from the primitives of the iCE40.
_CELLS = """
    sb_carry sb_gb sb_gb_io sb_hfosc sb_i2c sb_io sb_io_i3c sb_io_od sb_ledda_ip sb_lfosc sb_lut4
    sb_mac16 sb_pll40_core sb_pll40_pad sb_ram40_4k sb_rgba_drv sb_spi sb_spram256ka sb_warmboot
"""
_LIBRARIES = "ieee std work"
# Windows keeps these, with any ending, for devices.
_FILES = ("aux", "con", "nul", "prn", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)))

_RESERVED = {
    # Of several reasons the first is given, so the plainest stand first.
    **dict.fromkeys(_FILES, "Windows keeps it for a device"),
    **dict.fromkeys(_LIBRARIES.split(), "a library of VHDL is called so"),
    **dict.fromkeys(_VHDL.split(), "it is a word of VHDL"),
    **dict.fromkeys(_VERILOG.split(), "it is a word of Verilog or SystemVerilog"),
    **dict.fromkeys(_CELLS.split(), "it is a primitive of the iCE40"),
    **dict.fromkeys(_PORTS.split(), "it is a port of every layer"),
    "report": "build writes report.json, and it is a word of VHDL",
}


def check_name(name: str) -> None:
    """Raise :exc:`DesignError` for a name that a tool, a language or a file of ours uses.

    >>> check_name("s-axis-tdata")
    Traceback (most recent call last):
    spikeloom.design.read.DesignError: name: 's-axis-tdata': must be another: it is a port of every layer
    """  # noqa: E501
    reason = _reserved(name)
    if reason is not None:
        raise DesignError("name", show(name), f"must be another: {reason}")


def _reserved(name: str) -> str | None:
    return _RESERVED.get(name.replace("-", "_"))


def default_name(file: str) -> str:
    """Make the name of a layer from its design file's.

    What is not a letter or a digit becomes ``-``; ``layer`` stands in front where there is no
    letter to begin with, and behind a reserved word.

    >>> default_name("folder/My Layer_2.toml"), default_name("32x64.toml"), default_name("design")
    ('my-layer-2', 'layer-32x64', 'design-layer')
    """
    name = re.sub(r"[^a-z0-9]+", "-", PurePath(file).stem.lower()).strip("-")
    if not name[:1].isalpha():
        name = f"layer-{name}".strip("-")
    name = name[:LONGEST].strip("-")
    return name if _reserved(name) is None else f"{name}-layer"
