"""What a report holds: the contents of ``report.json``, validated and immutable."""

from typing import Annotated, Any, Literal

from pydantic import Field, computed_field

from spikeloom.report.base import Count, Part
from spikeloom.report.die import CriticalPath, Floorplan, Memory
from spikeloom.report.runs import Activity, Check, Cycles, Firing, Stage, correctness

__all__ = [
    "Area",
    "Budgets",
    "Module",
    "NetlistCells",
    "PortPin",
    "Report",
    "Seed",
    "Use",
]


class Use(Part):
    """How much of one resource is used, and how much the device has."""

    used: Count
    available: Count

    @property
    def share(self) -> float:
        """Part in use, 0 to 1; 0 for a resource that the device does not have."""
        return self.used / self.available if self.available else 0.0


class Area(Part):
    """Use of the device after packing; pads are listed as pins and take no logic cells."""

    logic_cells: Use
    ebr: Use
    spram: Use
    dsp: Use
    pins: Use


class NetlistCells(Part):
    """Cells after synthesis, before packing puts LUT, carry and flip-flop into one cell."""

    lut4: Count
    ff: Count
    carry: Count
    ebr: Count
    spram: Count
    dsp: Count
    flip_flops: dict[str, Count] = {}
    special: dict[str, Count] = {}


class Module(Part):
    """What one module takes, its submodules not included; the empty path is the top."""

    path: str
    logic_cells: Count
    ffs: Count
    carries: Count
    ebr: Count
    spram: Count
    dsp: Count


class PortPin(Part):
    """Pad of one bit of a port; ``given`` by the user, or chosen."""

    port: str
    pad: str
    direction: Literal["input", "output"]
    given: bool


class Seed(Part):
    """One run of place and route. No clock means that it failed, with the tool's words."""

    seed: Count
    fmax_mhz: Annotated[float, Field(gt=0)] | None
    paths: tuple[CriticalPath, ...] = ()
    error: str = ""

    @property
    def worst(self) -> CriticalPath | None:
        """The path that limits the clock."""
        inner = (path for path in self.paths if (path.source, path.target) == ("clk", "clk"))
        return next(inner, None)


class Budgets(Part):
    """Limits that the design file sets; None where it sets none."""

    cells: int | None = None
    clock_mhz: float | None = None
    cycles: int | None = None


class Report(Part):
    """What a design costs and how that was found out.

    ``layer`` is the layer in words, as its design says them: names and texts.

    Numbers that follow from others (``fmax_worst_mhz`` and so on) are written to the file for
    those who read it elsewhere, and computed again when it is loaded.
    """

    schema_version: Literal[1] = 1
    name: str
    source: str = ""
    made_by: str
    steps: Annotated[int, Field(ge=1)]
    design: dict[str, Any]
    layer: tuple[tuple[str, str], ...] = ()
    device: str
    clock_mhz: Annotated[float, Field(gt=0)]
    area: Area
    netlist: NetlistCells
    modules: tuple[Module, ...]
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    bitstream_seed: Count
    pins: tuple[PortPin, ...] = ()
    measured: Cycles | None = None
    predicted: Cycles | None = None
    exact: bool = True
    stimulus: str = ""
    checks: tuple[Check, ...] = ()
    activity: Activity | None = None
    stages: tuple[Stage, ...] = ()
    firing: tuple[Firing, ...] = ()
    memories: tuple[Memory, ...] = ()
    floorplan: Floorplan | None = None
    budget: Budgets = Budgets()
    options: dict[str, bool | int | str] = {}
    warnings: tuple[str, ...] = ()
    tools: dict[str, str]
    commands: tuple[str, ...]
    files: dict[str, str] = {}

    @property
    def clocks(self) -> tuple[float, ...]:
        """Clocks reached, of the seeds that could be placed and routed."""
        return tuple(seed.fmax_mhz for seed in self.seeds if seed.fmax_mhz is not None)

    @property
    def known(self) -> Cycles:
        """Cycles measured, or else predicted."""
        found = self.predicted.model_dump() if self.predicted else {}
        measured = self.measured.model_dump(exclude_none=True) if self.measured else {}
        return Cycles(**found | measured)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def correctness(self) -> str:
        """What was found equal to what, and what was not simulated."""
        return correctness(self.checks)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def fmax_worst_mhz(self) -> float | None:
        """Clock that every placed seed reaches."""
        return min(self.clocks, default=None)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def fmax_best_mhz(self) -> float | None:
        """Clock that the best seed reaches; the bitstream is this seed's."""
        return max(self.clocks, default=None)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def clock_met(self) -> bool:
        """Whether every seed was placed and reaches the target clock."""
        return len(self.clocks) == len(self.seeds) and min(self.clocks) >= self.clock_mhz

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cycles_per_step(self) -> float | None:
        """Cycles a time step: compute cycles over T."""
        count = self.known.compute_cycles
        return None if count is None else count / self.steps

    @computed_field  # type: ignore[prop-decorator]
    @property
    def latency_us(self) -> float | None:
        """Time of one inference at the target clock, loading and unloading included."""
        count = self.known.cycles
        return None if count is None else round(count / self.clock_mhz, 3)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def inferences_per_s(self) -> float | None:
        """Inferences a second at the target clock, sent back to back."""
        count = self.known.interval
        return None if count is None else round(1e6 * self.clock_mhz / count, 1)
