"""Put a report together from what synthesis, placement and simulation found."""

import importlib.metadata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from spikeloom.boards.devices import DEVICES, Device
from spikeloom.boards.floorplan import FLOORS, Site, block_name
from spikeloom.boards.ice40 import Netlist
from spikeloom.boards.place import Packing, Placement, TimingPath
from spikeloom.design.base import Design
from spikeloom.report.die import Block, CriticalPath, Floorplan, Memory
from spikeloom.report.model import (
    Area,
    Budgets,
    Module,
    NetlistCells,
    PortPin,
    Report,
    Seed,
    Use,
)
from spikeloom.report.runs import Activity, Cycles, Firing, Stage
from spikeloom.sim.names import spell

__all__ = ["Counts", "assemble", "merged"]

#: What a simulation tells a report, as far as known: ``measured`` and ``predicted`` (mappings with
#: the keys ``cycles``, ``compute_cycles`` and ``interval``), ``exact`` (whether the prediction is),
#: ``stimulus`` (a few words), ``checks`` (each a :class:`spikeloom.report.runs.Check`),
#: ``activity`` (fields of its namesake there), ``stages`` (name, first cycle, that of the next
#: layer), ``firing`` (name, spikes, places for them) and ``memories`` (as
#: :meth:`spikeloom.hdl.frame.memory_map.MemoryShape.describe` has them).
Counts = Mapping[str, Any]

_DSP_WARNING = (
    "nextpnr does not model the timing of SB_MAC16: the true clock may be lower; "
    "check the placed design with icetime"
)


def merged(base: Counts, given: Counts) -> dict[str, Any]:
    """Fill in what the caller does not give."""
    predicted = {**base.get("predicted", {}), **(given.get("predicted") or {})}
    return {**base, **given, "predicted": predicted or None}


def assemble(
    design: Design,
    netlist: Netlist,
    packing: Packing,
    placements: Sequence[Placement],
    counts: Counts,
    names: Mapping[str, str],
) -> Report:
    """Make the report of a build, the bitstream being that of the fastest seed.

    Parameters
    ----------
    design : Design
        The layer.
    netlist : Netlist
        What synthesis made of it.
    packing : Packing
        What it takes of the device.
    placements : sequence of Placement
        One a seed.
    counts : mapping
        What is known of cycles, memories and answers.
    names : mapping of str to str
        Names for signals that have none (:func:`spikeloom.sim.names.named_rtlil`).
    """
    device = DEVICES[design.target.device]
    total = dict(device.total.items())
    area = {key: Use(used=used, available=total[key]) for key, used in packing.used.items()}
    cells = netlist.cells
    best = max(placements, key=lambda placement: placement.fmax_mhz or 0.0)
    measured, predicted = counts.get("measured"), counts.get("predicted")
    activity = counts.get("activity")
    return Report(
        name=design.name,
        made_by=f"spikeloom {importlib.metadata.version('spikeloom')}",
        steps=design.steps,
        design=design.model_dump(mode="json", warnings=False),
        layer=design.summary,
        device=device.name,
        clock_mhz=design.target.clock_mhz,
        area=Area(**area),
        netlist=NetlistCells(
            lut4=cells.luts,
            ff=cells.ffs,
            carry=cells.carries,
            ebr=cells.ebr,
            spram=cells.spram,
            dsp=cells.dsp,
            flip_flops=dict(cells.flip_flops),
            special=dict(cells.special),
        ),
        modules=tuple(Module(**asdict(module)) for module in packing.modules),
        seeds=tuple(
            Seed(
                seed=placement.seed,
                fmax_mhz=placement.fmax_mhz,
                paths=tuple(_path(path, names) for path in placement.paths),
                error=placement.error,
            )
            for placement in placements
        ),
        bitstream_seed=best.seed,
        pins=tuple(PortPin(**asdict(pin)) for pin in best.pins),
        measured=None if measured is None else Cycles(**measured),
        predicted=None if predicted is None else Cycles(**predicted),
        exact=counts.get("exact", True),
        stimulus=counts.get("stimulus", ""),
        checks=tuple(counts.get("checks", ())),
        activity=None if activity is None else Activity(**activity),
        stages=tuple(
            Stage(name=name, begin=begin, end=end) for name, begin, end in counts.get("stages", ())
        ),
        firing=tuple(
            Firing(name=name, spikes=spikes, places=places)
            for name, spikes, places in counts.get("firing", ())
        ),
        memories=tuple(Memory(**memory) for memory in counts.get("memories", ())),
        floorplan=_floorplan(best.sites, device),
        budget=Budgets.model_validate(design.budget, from_attributes=True),
        warnings=tuple(_remarks(design, netlist, packing, placements)),
        tools={},
        commands=(),
    )


def _remarks(
    design: Design, netlist: Netlist, packing: Packing, placements: Sequence[Placement]
) -> list[str]:
    """Say what a reader of the numbers should know."""
    remarks = [*design.warnings, *([_DSP_WARNING] if netlist.cells.dsp else [])]
    if design.link < design.beat:
        remarks.append(
            f"target.link: {packing.link_cells} of the logic cells take beats apart for the pins"
        )
    remarks += [
        f"seed {placement.seed} could not be placed and routed: {placement.error}"
        for placement in placements
        if placement.fmax_mhz is None
    ]
    return remarks


def _path(path: TimingPath, names: Mapping[str, str]) -> CriticalPath:
    """Name the signals of a path as the source does."""
    known: dict[str, Any] = asdict(path)
    known["start"], known["end"] = spell(path.start, names), spell(path.end, names)
    known["steps"] = [{**step, "signal": spell(step["signal"], names)} for step in known["steps"]]
    return CriticalPath(**known)


def _floorplan(sites: Sequence[Site], device: Device) -> Floorplan | None:
    """Say where each cell lies; nothing where it was not asked for."""
    if not sites:
        return None
    floor = FLOORS[device.die]
    cells: dict[str, list[str]] = defaultdict(list)
    blocks = []
    for site in sites:
        if site.kind == "logic_cells":
            cells[site.module].append(f"{site.x}/{site.y}/{site.z}")
        else:
            known = {**asdict(site), "name": block_name(site.name)}
            blocks.append(Block(**known))
    return Floorplan(
        columns=floor.columns,
        rows=floor.rows,
        memory_columns=floor.memory_columns,
        cells={module: " ".join(places) for module, places in sorted(cells.items())},
        blocks=tuple(blocks),
    )
