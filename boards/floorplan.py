"""Where a placed design lies on the die."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "FLOORS", "PACKER", "TYPES", "Floor", "Site", "block_name", "module_of", "read_sites",
]  # fmt: skip

#: Module path under which cells stand that packing adds: carry feeds, constants.
PACKER = "(packer)"

#: What nextpnr's kinds of places are counted as.
TYPES = {
    "ICESTORM_LC": "logic_cells",
    "ICESTORM_RAM": "ebr",
    "ICESTORM_SPRAM": "spram",
    "ICESTORM_DSP": "dsp",
    "SB_IO": "pins",
}

_BEL = re.compile(r"X(\d+)/Y(\d+)/\D*(\d*)")


@dataclass(frozen=True)
class Floor:
    """The tiles of a die. Those at its edge hold pads and hard blocks, the others eight cells each.

    Parameters
    ----------
    columns, rows : int
        Tiles across and up, the edge included.
    memory_columns : tuple of int
        Columns of block RAM; one takes two tiles.
    """

    columns: int
    rows: int
    memory_columns: tuple[int, int]


_1K, _8K = Floor(14, 18, (3, 10)), Floor(34, 34, (8, 25))

#: By the die's name in :attr:`spikeloom.boards.devices.Device.die`.
#: Ref: Project IceStorm, documentation of the tiles and of the UltraPlus.
FLOORS: Mapping[str, Floor] = {
    "up5k": Floor(26, 32, (6, 19)),
    "hx1k": _1K,
    "lp1k": _1K,
    "hx4k": _8K,
    "hx8k": _8K,
    "lp8k": _8K,
}


@dataclass(frozen=True)
class Site:
    """A place in use.

    Parameters
    ----------
    kind : str
        As in :class:`spikeloom.boards.devices.Resources`: ``"logic_cells"`` and so on.
    x, y, z : int
        Tile, from the lower left corner, and place in the tile.
    module : str
        Hierarchical path of the module that it counts for, as in an area by module.
    name : str
        Of what is there: a cell's name in the netlist, or a port.
    """

    kind: str
    x: int
    y: int
    z: int
    module: str
    name: str


def module_of(cell: str, scopes: Iterable[str]) -> str:
    """Give a packed cell to the module whose path is the longest prefix of its name.

    >>> module_of("layer.q.store_LC", ("layer", "layer.q")), module_of("$nextpnr_LC_3", ())
    ('layer.q', '(packer)')
    """
    path = max((scope for scope in scopes if cell.startswith(f"{scope}.")), key=len, default="")
    return PACKER if not path and cell.startswith(("$nextpnr", "$PACKER")) else path


def read_sites(placed: Mapping[str, Any], scopes: Iterable[str]) -> tuple[Site, ...]:
    """Read where nextpnr put every cell, from left to right and upwards.

    Parameters
    ----------
    placed : mapping
        A placed design as nextpnr writes it.
    scopes : iterable of str
        Paths of the modules.
    """
    (module,) = placed["modules"].values()
    known = tuple(scopes)
    sites = []
    for name, cell in module["cells"].items():
        bel = _BEL.match(cell["attributes"].get("NEXTPNR_BEL", ""))
        if bel is None or cell["type"] not in TYPES:
            continue
        x, y, z = (int(number or 0) for number in bel.groups())
        sites.append(Site(TYPES[cell["type"]], x, y, z, module_of(name, known), name))
    return tuple(sorted(sites, key=lambda site: (site.x, site.y, site.z, site.kind)))


def block_name(cell: str) -> str:
    """Name a memory, a multiplier or a port by the packed cell that is a part of it.

    >>> block_name("layer.engine.membrane$192.0.1_RAM"), block_name("m_axis_tdata[6]$sb_io")
    ('layer.engine.membrane', 'm_axis_tdata[6]')
    """
    return re.sub(r"(\$\d+)?(\.\d+)*(_RAM|_SPRAM|_DSP)$|\$sb_io$", "", cell)
