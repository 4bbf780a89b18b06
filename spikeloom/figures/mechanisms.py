"""Every mechanism that there is: who published it, what computes it here, and what it costs.

The table of docs/mechanisms.rst is made from this list and from the published figures.
"""

from dataclasses import dataclass

from spikeloom.figures.model import Results
from spikeloom.figures.render import simple_table
from spikeloom.report.compare import number
from spikeloom.report.tables import Row, Table

__all__ = ["MECHANISMS", "Mechanism", "mechanism_tables"]


@dataclass(frozen=True)
class Mechanism:
    """One row of the table.

    Parameters
    ----------
    name : str
        What it is called, with the words of a design file.
    paper : str
        Where it comes from.
    golden : str
        Function or class of the golden model, below ``spikeloom.golden``.
    component : str
        Component, below ``spikeloom.hdl``.
    page : str
        Page below docs/cores.
    orders : str
        Orders of multiplication that it works in; a dash where there is none.
    exact : str
        How exactly the hardware, which equals the golden model, equals what was published.
    point : str
        Published point that shows its cost at tiny-32x64.
    """

    name: str
    paper: str
    golden: str
    component: str
    page: str
    orders: str
    exact: str
    point: str


_DYADIC = "exact for dyadic scales, else of real numbers: float32 may differ at ties"
_CPG = "float32's, rounded to nearest: PyTorch's but for some exponentials"
_STATE = "state"
_BOTH = "score, state"

MECHANISMS = (
    Mechanism(
        "SSA, and", "Spikformer (ICLR 2023)", "similarity.scores",
        "attention.state.engine.StateEngine", "attention/state", _BOTH, _DYADIC,
        "tiny-32x64/state-8-beat8",
    ),
    Mechanism(
        "xnor", "RPE (NeurIPS 2025), eq. 9", "similarity.scores",
        "attention.state.engine.StateEngine", "similarity", _BOTH, _DYADIC,
        "tiny-32x64-xnor/state-8-beat8",
    ),
    Mechanism(
        "alpha-xnor", "alpha-XNOR (CVPR 2025)", "similarity.scores",
        "attention.state.engine.StateEngine", "similarity", _BOTH,
        "as the others, for dyadic alpha; else its rounding is reported",
        "tiny-32x64-alpha/state-8-beat8",
    ),
    Mechanism(
        "hamming", "SpikeVideoFormer (ICML 2025)", "similarity.scores",
        "attention.state.engine.StateEngine", "similarity", _BOTH, _DYADIC,
        "tiny-32x64-hamming/state-8-beat8",
    ),
    Mechanism(
        "hamming, soft reset", "SpikeVideoFormer's formula", "similarity.scores",
        "attention.state.engine.StateEngine", "similarity", _BOTH,
        "exact for a threshold on the grid; its code has hard reset",
        "mechanism/tiny-32x64-hamming-soft",
    ),
    Mechanism(
        "SDSA, version 1", "Spike-driven Transformer (NeurIPS 2023)", "mask.mask",
        "mask.channel.ChannelMask", "mask", "-", "exact", "mechanism/tiny-32x64-sdsa",
    ),
    Mechanism(
        "SDSA, version 2", "Spike-driven Transformer V2 (ICLR 2024)", "similarity.scores",
        "attention.state.engine.StateEngine", "attention/state", _BOTH, _DYADIC,
        "mechanism/tiny-32x64-sdsa2",
    ),
    Mechanism(
        "Q-K token attention", "QKFormer (NeurIPS 2024)", "mask.mask", "mask.token.TokenMask",
        "mask", "-", "exact", "mechanism/tiny-32x64-qk-token",
    ),
    Mechanism(
        "Q-K channel attention", "QKFormer (NeurIPS 2024)", "mask.mask",
        "mask.channel.ChannelMask", "mask", "-", "exact", "mechanism/tiny-32x64-qk-channel",
    ),
    Mechanism(
        "SDSA, version 3", "Spike-driven Transformer V3 (T-PAMI 2025)", "integer.formula.attention",
        "integer.layer.IntegerLayer", "integer", "state",
        "exact, both roundings; float32's at the widths tried",
        "mechanism/tiny-32x64-sdsa3",
    ),
    Mechanism(
        "rate attention", "SC-NeuroCore, SpikeDrivenAttention", "rate.attention",
        "rate.RateLayer", "rate", "state", "the formula exactly, or the class's float64 spikes",
        "mechanism/tiny-32x64-rate-attention",
    ),
    Mechanism(
        "binary gate", "SC-NeuroCore, tutorial 54", "gate.gated", "similarity.gate.GatedSimilarity",
        "similarity/gate", "score", "exact", "mechanism/tiny-32x64-gate",
    ),
    Mechanism(
        "causal, windowed", "DecisionSpikeFormer (CVPR 2025)", "causal.visible",
        "attention.score.causal.KeySight", "attention/causal", "score", "exact",
        "mechanism/tiny-32x64-causal",
    ),
    Mechanism(
        "keys of another length", "pooled keys, cross attention", "attention.formula.drive",
        "attention.score.engine.ScoreEngine", "attention/cross", "score", _DYADIC,
        "mechanism/tiny-32x64-cross",
    ),
    Mechanism(
        "across steps", "STAtten (CVPR 2025)", "attention.formula.drive",
        "attention.score.chunk.RowWalk", "attention/chunk", "score", _DYADIC,
        "mechanism/tiny-32x64-chunk",
    ),
    Mechanism(
        "scale and alpha a head", "learned sigma and alpha", "neuron.NeuronSpec",
        "similarity.alpha.AlphaSimilarity", "similarity/alpha", _BOTH, _DYADIC,
        "mechanism/tiny-32x64-heads",
    ),
    Mechanism(
        "neuron of any tau", "Spikingformer (tau 3/2); V decay + X", "neuron.NeuronSpec",
        "neuron.pieces.NeuronFire", "neuron", _BOTH,
        "exact in all steps; soft reset for thresholds on a binary grid",
        "mechanism/tiny-32x64-tau",
    ),
    Mechanism(
        "gain and offset a channel", "SpikeVideoFormer's code (ICML 2025)", "norm.ChannelNeurons",
        "attention.score.norm.ChannelFire", "attention/norm", "score",
        "thresholds and signs exact, offsets of declared bits", "mechanism/tiny-32x64-norm",
    ),
    Mechanism(
        "state-space model", "SC-NeuroCore, SpikyStateSpace", "state_space.state_space",
        "state_space.layer.StateSpaceLayer", "state_space", "-",
        "fixed point, with a bound for every input", "mechanism/tiny-32x64-state-space",
    ),
    Mechanism(
        "sinusoids", "SC-NeuroCore, CPGPositionalEncoding", "position.sinusoid.quantized",
        "position.sinusoid.SinusoidTable", "position/sinusoid", "-",
        "exact spikes, rates of declared bits",
        "mechanism/tiny-32x64-projection-sinusoid",
    ),
    Mechanism(
        "CPG-PE, beside the input", "CPG-PE (NeurIPS 2024)", "position.cpg.codes",
        "position.cpg.CpgRom", "position/cpg", "-", _CPG, "mechanism/tiny-32x64-projection",
    ),
    Mechanism(
        "CPG-PE, added", "CPG-PE (NeurIPS 2024)", "position.cpg.codes", "position.cpg.CpgRom",
        "position/cpg", "-", _CPG, "mechanism/tiny-32x64-projection-add",
    ),
    Mechanism(
        "projection", "all models", "projection.projection", "projection.layer.ProjectionLayer",
        "projection", "-", "exact for integer weights and dyadic scales",
        "mechanism/tiny-32x64-projection",
    ),
    Mechanism(
        "whole network", "Spikformer (ICLR 2023)", "network.network", "network.layer.NetworkLayer",
        "network", _BOTH, "exact for a model of integers", "network/vowels-fast/16x1x1",
    ),
    Mechanism(
        "residual, add", "Spikformer (ICLR 2023)", "residual.residual", "residual.ResidualLayer",
        "residual", "-", "exact", "mechanism/tiny-32x64-residual-add",
    ),
    Mechanism(
        "residual, xor, or, iand", "XOR-Spikformer; SEW ResNet", "residual.residual",
        "residual.ResidualLayer", "residual", "-", "exact", "mechanism/tiny-32x64-residual-xor",
    ),
    Mechanism(
        "Gray-PE", "RPE (NeurIPS 2025), eq. 8 to 11", "position.gray.codes",
        "position.gray.GrayCode", "position/gray", _BOTH, "exact; paper's index or the code's",
        "tiny-32x64-xnor-gray/state-8-beat8",
    ),
    Mechanism(
        "Log-PE", "RPE (NeurIPS 2025), eq. 12", "position.log.bias_matrix", "position.log.LogBias",
        "position/log", "score, state (paper's definition)",
        "the paper's formula, or the code's matrix by PyTorch 2.13",
        "tiny-32x64-xnor-log/state-8-beat8",
    ),
    Mechanism(
        "shift", "Bit_Shift_RoPE", "position.shift.schedule", "position.rotate.GroupShifter",
        "position/shift", _BOTH, "rounded exactly or as PyTorch on the CPU, or a file",
        "tiny-32x64-shift/state-8-beat8",
    ),
    Mechanism(
        "shift, by row and column", "Bit_Shift_RoPE for pictures", "position.shift.schedule",
        "position.rotate.GroupShifter", "position/shift", _BOTH, "ours: no such code is published",
        "mechanism/tiny-32x64-shift-grid",
    ),
    Mechanism(
        "table", "learned relative bias", "position.table.bias_matrix", "position.table.TableBias",
        "position/table", "score", "exact for integer entries", "mechanism/tiny-32x64-table",
    ),
)  # fmt: skip


def mechanism_tables(results: Results) -> dict[str, str]:
    """Draw the tables of docs/mechanisms.rst, by name."""
    return {
        "mechanisms": simple_table(_what()),
        "mechanism-costs": simple_table(_cost(results)),
    }


def _what() -> Table:
    rows = [
        Row(
            (
                f":doc:`{item.name} <cores/{item.page}>`",
                item.paper,
                f":obj:`~spikeloom.golden.{item.golden}`",
                f":class:`~spikeloom.hdl.{item.component}`",
                item.orders,
                item.exact,
            )
        )
        for item in MECHANISMS
    ]
    columns = ("mechanism", "paper", "golden", "component", "orders", "exactness")
    return Table("", columns, tuple(rows), left=6)


def _cost(results: Results) -> Table:
    rows = []
    for item in MECHANISMS:
        result = results.points.get(item.point)
        names = ("logic_cells", "ebr", "dsp", "fmax_mhz", "cycles 100", "cycles 20")
        figures = [None if result is None else result.figure(name) for name in names]
        digits = (0, 0, 0, 1, 0, 0)
        shown = (number(value, places) for value, places in zip(figures, digits, strict=True))
        rows.append(Row((item.name, f"``{item.point}``", *shown)))
    columns = ("mechanism", "point", "LC", "EBR", "DSP", "worst MHz", "cycles 100 %", "20 %")
    return Table("", columns, tuple(rows), left=2)
