"""Cycles of a network: the passes of its program one after the other, and its attention layer."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from spikeloom.golden.network.formula import trace
from spikeloom.golden.network.model import NetworkModel
from spikeloom.hdl.attention.layer import AttentionLayer
from spikeloom.hdl.attention.state.plan import StatePlan
from spikeloom.hdl.kinds import unused
from spikeloom.hdl.network.plan import NetworkPlan

__all__ = ["attention_cycles", "network_cycles", "network_stages"]

# Cycles of the attention layer, by its order: from its start to the first run, from a free bank to
# a run's first beat, and from its last to the start of the run.
_LOADING = {"score": (3, 0, 2), "state": (-3, 3, 0)}
# From the last beat of its answer to the next pass.
_BEHIND = -2


def network_cycles(plan: NetworkPlan, arrays: Mapping[str, ArrayLike] | None = None) -> int:
    """Predict the cycles from a sequence to its last number.

    Without ``arrays``, x and length, of the longest sequence, with every spike of k and q set. The
    linear layers are exact; that the read-out waits for a narrow link is not counted. Within 20
    cycles in all.
    """
    _, _, end = network_stages(plan, arrays)[-1]
    return end


def attention_cycles(plan: NetworkPlan) -> int:
    """Predict the cycles of the attention of all blocks together, with every spike set.

    :func:`network_cycles` without ``arrays`` is the sum of them and of what does not depend on the
    folding of the attention.
    """
    return 0 if plan.inner is None else sum(_attention(plan, plan.design.tokens, None))


def network_stages(
    plan: NetworkPlan, arrays: Mapping[str, ArrayLike] | None = None
) -> tuple[tuple[str, int, int], ...]:
    """Predict when each layer begins and ends, in cycles since the sequence was there.

    A layer begins with its first pass; parameters as in :func:`network_cycles`.

    Returns
    -------
    tuple of (str, int, int)
        Name as in :class:`spikeloom.golden.network.formula.Trace`, or ``readout``, or that of an
        intermediate tensor; its first cycle, and that of the next layer.
    """
    length = plan.design.tokens if arrays is None else int(np.asarray(arrays["length"]))
    runs = iter(()) if plan.inner is None else _attention(plan, length, arrays)
    line = _Line(plan, length)
    begins = []
    for one in plan.program.passes:
        if one.flags.get("attends"):
            line.attend(one.words, next(runs))
        elif one.flags.get("ends"):
            line.end(one.words)
        else:
            line.step(one.flags, one.words)
        if one.begins:
            begins.append(line.now)
    ends = (*begins[1:], line.now)
    return tuple(zip(_names(plan), begins, ends, strict=True))


def _names(plan: NetworkPlan) -> Iterator[str]:
    """Name the layers in the order of the program, by where their spikes go.

    Spikes that go to x are those of the encoder or of branches that join there; behind membranes
    they are those of the neurons on them.
    """
    design, n, expanded = plan.design, -1, False
    for layer in plan.layers:
        target = "attention" if layer is None else layer.target
        if target == "query":
            n, expanded = n + 1, False
        if not target or target.startswith("blocks."):
            yield target or "readout"
        elif target != "x":
            yield f"blocks.{n}.{target}"
        elif design.membrane and expanded:
            yield f"blocks.{n + 1}.input" if n + 1 < design.depth else "readout"
        elif n < 0:
            yield "blocks.0.input" if design.membrane else "encoder"
        elif design.membrane:
            yield f"blocks.{n}.mlp"
        else:
            yield f"blocks.{n}.{'contract' if expanded else 'project'}"
        expanded |= target == "expand"


class _Line:
    """When each pass is taken: cycles since the sequence was."""

    def __init__(self, plan: NetworkPlan, length: int):
        self._plan = plan
        self._parameters = plan.sections.parameters
        self._rows = -(-length // plan.at_once)
        self._length = length
        self._numbers = NetworkModel(plan.design).number_beats
        self._reach, self._end = plan.stages + 2, plan.stages + 4 + plan.design.steps
        # Words are read from here on; when the engine is free and at rest.
        self._read = 2
        self._free = self._rest = 0
        self._held = 0
        self.now = 0

    def step(self, flags: Mapping[str, int], words: int) -> None:
        """Take a pass as soon as it is read and the engine is free."""
        ready = self._read + words
        rows = self._rows_of(flags)
        if flags.get("last"):
            # Parameters wait for those before.
            ready = max(ready, self._held) + self._parameters
        at = max(ready, self._free, self._rest if flags.get("sync") else 0)
        self._free = at + max(rows, self._plan.shortest)
        fires = flags.get("last") and not flags.get("reads_out")
        self._rest = max(self._rest, at + rows + (self._end + 2 if fires else self._reach + 3))
        if flags.get("last"):
            self._held = self._release(at, rows, flags)
            if flags.get("reads_out"):
                self._free = max(self._free, self._held)
        self._read = at + 1
        self.now = at

    def attend(self, words: int, cycles: int) -> None:
        """Wait for the attention layer."""
        at = max(self._read + words, self._rest, self._free)
        done = at + cycles
        self.now = at
        self._read = done + 1
        self._free = self._rest = done + 1

    def end(self, words: int) -> None:
        """Leave the program."""
        self.now = max(self._read + words, self._rest, self._free) + 1

    def _rows_of(self, flags: Mapping[str, int]) -> int:
        groups = self._plan.design.readout.groups
        if flags.get("group") and groups > 1:
            return self._plan.rows // groups
        rows = self._rows if groups == 1 else self._plan.rows
        if flags.get("spread") and not flags.get("last"):
            return -(-rows // (1 << self._plan.spread))
        return rows

    def _release(self, at: int, rows: int, flags: Mapping[str, int]) -> int:
        """Say when the parameters of a pass are not needed any more."""
        if flags.get("reads_out"):
            return at + rows + self._reach + 2 + self._length + self._numbers
        if self._plan.buffered:
            return at + 1 + self._reach + 1
        return at + rows + self._end + 1


def _attention(
    plan: NetworkPlan, length: int, arrays: Mapping[str, ArrayLike] | None
) -> Iterator[int]:
    """Give the cycles of the attention of every block."""
    layer = unused(plan.attention())
    design = plan.design
    spikes = None
    if arrays is not None and plan.layer.order == "state":
        spikes = trace(design, np.asarray(arrays["x"])[..., :length, :]).spikes
    for n, block in enumerate(design.blocks):
        if block.attention != plan.inner:
            continue
        found = None
        if spikes is not None:
            missing = 0 if plan.lengths else design.tokens - length
            beyond = ((0, 0), (0, missing), (0, 0))
            names = {"q": "query", "k": "key", "v": "value"}
            found = {k: np.pad(spikes[f"blocks.{n}.{name}"], beyond) for k, name in names.items()}
        count = length if plan.lengths else design.tokens
        runs = layer.run_cycles(found, count).T.reshape(-1)
        yield _pipeline(plan, layer, [int(cycles) for cycles in runs], count)


def _pipeline(plan: NetworkPlan, layer: AttentionLayer, runs: Sequence[int], tokens: int) -> int:
    """Load, compute and unload runs of so many tokens, each as soon as it can be."""
    inner = layer.plan
    load = _load(plan, tokens)
    computed: list[int] = []
    sent: list[int] = []
    loaded, between, behind = _LOADING[plan.layer.order]
    for n, cycles in enumerate(runs):
        free = computed[n - inner.in_banks] if n >= inner.in_banks else 0
        loaded = max(loaded, free) + between + load
        room = sent[n - inner.out_banks] if n >= inner.out_banks else 0
        start = max(loaded + behind, computed[-1] if computed else 0, room)
        computed.append(start + cycles)
        begin = max(computed[-1], sent[-1] if sent else 0)
        sent.append(begin + plan.head_words * tokens)
    return sent[-1] + _BEHIND


def _load(plan: NetworkPlan, tokens: int) -> int:
    """Count the cycles in which a run of the attention layer is loaded."""
    if plan.keys_turned:
        inner = StatePlan(plan.layer)
        _, queries = inner.chunks
        keys = -(-tokens // inner.chunk)
        return (plan.layer.channels + inner.windowed) * keys + tokens * (inner.beats + queries)
    return 3 * plan.head_words * tokens
