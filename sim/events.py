"""Run a stimulus through a layer in an event simulator, by the cocotb bench."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from spikeloom.sim.benches import attention as bench_attention
from spikeloom.sim.runner import EventSimulator, run_bench
from spikeloom.sim.traffic import Stimulus, Traffic

__all__ = ["run_events"]


def run_events(
    verilog: str,
    stimulus: Stimulus,
    *,
    simulator: EventSimulator = "icarus",
    toplevel: str = "top",
    trace: Path | None = None,
) -> Traffic:
    """Send the inferences of ``stimulus`` through the module ``toplevel`` of ``verilog``.

    Parameters
    ----------
    verilog : str
        Source text; the module has the ports of :class:`spikeloom.hdl.top.AxiStreamTop`.
    stimulus : Stimulus
        What to send.
    simulator : {"icarus", "verilator"}
        Which simulator.
    toplevel : str
        Name of the module.
    trace : Path or None
        FST file to write (Icarus).

    Raises
    ------
    MissingToolError
        The simulator is not installed.
    SimulationError
        The design broke the stream protocol or got stuck.
    """
    # Out of the way of spaces in the user's paths, which Verilator's make cannot take.
    with TemporaryDirectory(prefix="spikeloom-") as folder:
        work = Path(folder)
        np.savez(
            work / "stimulus.npz",
            beats=stimulus.beats,
            ends=stimulus.ends,
            out_beats=stimulus.out_beats,
            stalls=stimulus.stalls,
            seed=stimulus.seed,
            patience=stimulus.patience,
            work=stimulus.work,
            reset=stimulus.reset,
        )
        run_bench(
            verilog,
            bench_attention.__name__,
            work=work,
            simulator=simulator,
            toplevel=toplevel,
            environment={
                bench_attention.STIMULUS: str(work / "stimulus.npz"),
                bench_attention.ANSWER: str(work / "answer.npz"),
            },
            trace=trace,
        )
        with np.load(work / "answer.npz") as answer:
            return Traffic(
                frames=answer["frames"],
                first_in=tuple(answer["first_in"].tolist()),
                last_out=tuple(answer["last_out"].tolist()),
                busy=int(answer["busy"]),
                total=int(answer["total"]),
            )
