"""``spikeloom simulate``: what a layer answers."""

import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.commands.common import MismatchError, compare, load, spikes
from spikeloom.commands.progress import Progress, say
from spikeloom.design.base import Design
from spikeloom.design.network.design import NetworkDesign
from spikeloom.errors import NoError
from spikeloom.files import InputError, check_writable
from spikeloom.golden.arrays import one_by_one
from spikeloom.golden.kinds import model
from spikeloom.report.files import note
from spikeloom.sim.cache import cache_folder
from spikeloom.sim.layers import LayerFault, can_look, find_fault, seen
from spikeloom.sim.simulate import Answer, check_request, simulate
from spikeloom.sim.spikes import read_labels, write_arrays
from spikeloom.sim.traffic import SimulationError
from spikeloom.trial import check_of, must_be_build

__all__ = ["run"]


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Simulate, and compare with the golden model if asked."""
    design = load(options.design)
    try:
        check_request(options.target, options.simulator, options.trace)
    except ValueError as error:
        raise InputError(str(error)) from error
    arrays, source = spikes(options, design)
    if options.output is not None:
        # Before the work, not after it.
        check_writable(options.output)
    layered = None if options.layers is None else _with_layers(design, options)
    if options.report is not None:
        _check_note(options)
        must_be_build(design, options.report, options.target)
    kind = f"simulate {options.target} {options.simulator}"
    work = [kind, source, options.stalls, design.model_dump(mode="json")]
    start = time.perf_counter()
    with Progress(cache_folder() / "times.json", kind, work) as progress:
        progress(f"{design.name}: {source}")
        answer = _answer(design, arrays, options)
    seconds = time.perf_counter() - start
    how = options.target if options.target == "golden" else f"{options.target}, {options.simulator}"
    say(f"simulated in {seconds:.1f} s ({how})")
    compared = _compared(design, arrays, answer, options) if options.check else []
    looked = () if layered is None else _layers(layered, arrays, options)
    if options.output is not None:
        write_arrays(options.output, answer.arrays())
    if options.report is not None:
        note(check_of(design, arrays, options.target, compared, source), options.report)
    right = _right(options, answer)
    result = {
        "name": design.name,
        "target": options.target,
        "shape": list(answer.values.shape),
        "nonzero": int(np.count_nonzero(answer.values)),
        **answer.numbers,
        **({} if right is None else {"right": right}),
        **({"equal_to": compared} if options.check else {}),
        **({"layers": looked} if looked else {}),
    }
    if options.json:
        return 0, result
    lines = [f"{answer.name}: {result['nonzero']} of {answer.values.size} are not zero"]
    if right is not None:
        count = len(answer.values)
        lines.append(f"label: the greatest number in {right} of {count} ({right / count:.2%})")
    lines += [f"{name}: {value}" for name, value in answer.numbers.items()]
    lines += [f"equal to {other}" for other in compared]
    if looked:
        lines.append(f"layers: {', '.join(looked)} spike as often as golden's, channel by channel")
    if options.full:
        lines += _details(design, arrays, answer)
    return 0, "\n".join(lines) + "\n"


def _compared(
    design: Design, arrays: dict[str, NDArray[Any]], answer: Answer, options: Namespace
) -> list[str]:
    """Compare; where a network is wrong, say with which of its layers that begins."""
    try:
        return compare(design, arrays, answer)
    except MismatchError as error:
        # Golden is the first that the answer is compared with.
        if error.other != "golden" or options.target == "golden" or not can_look(design):
            raise
        golden = model(design)
        batch = one_by_one(golden.inputs, arrays)
        wrong = error.index[0] if answer.values.ndim > len(golden.output.shape) else 0
        say(f"{design.name}: looking for the layer")
        fault = _find(design, batch[wrong : wrong + 1], options)
        if fault is None:
            raise
        raise NoError(f"{error}; {replace(fault, inference=wrong)}") from None


def _layers(
    design: NetworkDesign, arrays: dict[str, NDArray[Any]], options: Namespace
) -> tuple[str, ...]:
    """Compare the spikes of every layer; give their names."""
    batch = one_by_one(model(design).inputs, arrays)[: options.layers]
    fault = _find(design, batch, options)
    if fault is not None:
        raise NoError(f"{design.name}: {fault}")
    return seen(design)


def _find(
    design: NetworkDesign, batch: Sequence[dict[str, NDArray[Any]]], options: Namespace
) -> LayerFault | None:
    return find_fault(design, batch, target=options.target, simulator=options.simulator)


def _with_layers(design: Design, options: Namespace) -> NetworkDesign:
    """Return a design whose layers can be looked into; refuse others."""
    if not options.check or options.target == "golden":
        raise InputError("--layers: must go with --check and --target rtl or netlist")
    if can_look(design):
        return design
    if isinstance(design, NetworkDesign):
        raise InputError(
            "--layers: must go with folding.weights 'spram': other programs are loaded to look "
            "into it"
        )
    raise InputError(f"--layers: must go with a network, not with kind {design.kind!r}")


def _details(design: Design, arrays: dict[str, NDArray[Any]], answer: Answer) -> Iterator[str]:
    """Say of every array its shape, and how many of its numbers are not zero."""
    golden = model(design)
    given = [(spec.name, spec.axes, arrays[spec.name]) for spec in golden.inputs]
    for name, axes, array in (*given, (answer.name, golden.output.axes, answer.values)):
        rate = np.count_nonzero(array) / array.size
        yield f"{name} {axes} {'x'.join(map(str, array.shape))}: {rate:.2%} are not zero"


def _check_note(options: Namespace) -> None:
    """Refuse to note what is not compared."""
    if not options.check:
        raise InputError("--report: must be given together with --check")
    if options.target == "golden":
        raise InputError("--report: must go with --target rtl or netlist, not golden")


def _right(options: Namespace, answer: Answer) -> int | None:
    """Count the inferences whose label has the greatest number, the first of equal ones."""
    if options.input is None or answer.name != "logits" or answer.values.ndim != 2:
        return None
    labels = read_labels(options.input, len(answer.values), first=options.first is not None)
    return None if labels is None else int((answer.values.argmax(axis=1) == labels).sum())


def _answer(design: Design, arrays: dict[str, NDArray[Any]], options: Namespace) -> Answer:
    try:
        return simulate(
            design,
            arrays,
            target=options.target,
            simulator=options.simulator,
            stalls=options.stalls,
            seed=options.seed,
            trace=options.trace,
        )
    except SimulationError as error:
        raise NoError(f"{options.design}: {error}") from error
