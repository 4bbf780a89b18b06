"""What a simulation tells the report of a build."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.assemble import Counts
from spikeloom.boards.ice40 import SynthOptions
from spikeloom.boards.yosys import yosys_version
from spikeloom.design.base import Design
from spikeloom.files import InputError
from spikeloom.flow import predict_cycles
from spikeloom.golden.arrays import inferences, one_by_one
from spikeloom.golden.kinds import model
from spikeloom.hdl.kinds import asked
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.report.files import load
from spikeloom.report.runs import Check
from spikeloom.sim.simulate import Answer
from spikeloom.sim.verilog import to_rtlil

__all__ = ["check_of", "must_be_build", "tell"]


def tell(
    design: Design,
    arrays: Mapping[str, NDArray[Any]],
    answer: Answer,
    equal: Sequence[str],
    stimulus: str,
) -> Counts:
    """Say what the RTL's answer to ``arrays`` shows.

    Parameters
    ----------
    design : Design
        The layer.
    arrays : mapping
        What was sent.
    answer : Answer
        What came back.
    equal : sequence of str
        What it was found equal to.
    stimulus : str
        What was sent, in words.
    """
    given = one_by_one(model(design).inputs, arrays)
    return {
        "measured": dict(answer.numbers),
        "predicted": {"compute_cycles": predict_cycles(design, arrays)},
        "stimulus": stimulus,
        "checks": [check_of(design, arrays, "rtl", equal, stimulus)],
        "activity": _activity(answer),
        "stages": asked(design).stages(given[0]),
        "firing": _firing(design, given),
    }


def check_of(
    design: Design,
    arrays: Mapping[str, NDArray[Any]],
    target: str,
    equal: Sequence[str],
    stimulus: str,
) -> Check:
    """Say of which target how many answers were compared, and with what.

    ``target`` is ``"rtl"`` or ``"netlist"``; the rest as for :func:`tell`.
    """
    count = inferences(model(design).inputs, arrays)
    return Check.model_validate(
        {
            "target": target,
            "against": tuple(equal),
            "inferences": 1 if count is None else count,
            "stimulus": stimulus,
        }
    )


def must_be_build(design: Design, folder: Path, target: str) -> None:
    """Refuse to note what was simulated in the report of a build of something else.

    Parameters
    ----------
    design : Design
        What is simulated.
    folder : Path
        Build directory.
    target : str
        ``"rtl"``, or ``"netlist"`` as synthesis makes it now.

    Raises
    ------
    InputError
        The build's RTL is not that of the design, or its netlist was made otherwise.
    ReportError
        There is no report.
    """
    report = load(folder / "report.json")
    text = to_rtlil(AxiStreamTop(design), design.module)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if report.files.get(f"{design.name}.il") != digest:
        raise InputError(
            f"--report: {folder}: must be a build of {design.name} as it is now: its RTL is another"
        )
    options = SynthOptions(dsp=design.infers_dsp).to_dict()
    made = (report.options, report.tools.get("yosys"))
    if target == "netlist" and made != (options, yosys_version()):
        raise InputError(
            f"--report: {folder}: must be a build whose netlist is the one that is simulated: "
            "synthesis had other options, or another Yosys"
        )


def _activity(answer: Answer) -> dict[str, Any] | None:
    if answer.activity is None:
        return None
    found = asdict(answer.activity)
    return {"cycles_a_bin": found.pop("width"), **found, "ends": answer.ends[:2]}


def _firing(
    design: Design, given: Iterable[Mapping[str, NDArray[Any]]]
) -> list[tuple[str, int, int]]:
    """Count spikes and places for them, layer by layer."""
    golden = model(design)
    spikes: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for arrays in given:
        for name, layer in golden.spikes(arrays).items():
            spikes[name] += int(np.count_nonzero(layer))
            places[name] += layer.size
    return [(name, spikes[name], count) for name, count in places.items()]
