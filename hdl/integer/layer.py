"""A whole layer of attention on small integers: beats of q, k and v in, beats of outputs out."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from amaranth.hdl import Module
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.integer import IntegerDesign
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.frame.stage import BankedLayer
from spikeloom.hdl.integer.engine import IntegerEngine
from spikeloom.hdl.integer.loader import IntegerLoader
from spikeloom.hdl.integer.plan import IntegerPlan

__all__ = ["IntegerLayer", "integer_cycles"]


def integer_cycles(plan: IntegerPlan, q: NDArray[Any], k: NDArray[Any]) -> int:
    """Predict the cycles in which the engine works in one inference.

    Every pass of a run (a head and step) takes 5 (7 where accumulators have more than 13 bits), and
    for each row

    * of k its set bits, at least 1, and a doubling for each bit of q but one;
    * of q its set bits, a slot for what the query starts from, and a slot for each level of
      multispike but one. Without a start, or with membranes in SPRAM, at least 1 for the bits.

    Parameters
    ----------
    plan : IntegerPlan
        Geometry of the layer.
    q, k : array
        Integers of shape (T, N, D).
    """
    design = plan.design

    def rows(x: NDArray[Any], axis: int) -> NDArray[np.int64]:
        bits = np.bitwise_count(x.astype(np.uint8)).astype(np.int64)
        by_head = bits.reshape(design.steps, design.tokens, design.heads, design.head_dim)
        found: NDArray[np.int64] = by_head.sum(axis=axis)
        return found

    keys = np.maximum(rows(k, 1), 1) + plan.copies - 1
    queries = rows(q, 3)
    if not plan.starts or plan.paced:
        queries = np.maximum(queries, 1)
    queries += plan.starts + max(len(plan.levels) - 1, 0)
    return plan.passes * int(
        plan.overhead * design.steps * design.heads + keys.sum() + queries.sum()
    )


class IntegerLayer(BankedLayer):
    """Attention on small integers, all heads and steps, from stream to stream.

    Works as :class:`~spikeloom.hdl.attention.layer.AttentionLayer` in state order: head by head
    and step by step, with two banks loading, computing and unloading at once, and whatever the
    stalls the same answer.

    Latency: an inference computes for :func:`integer_cycles`. Checked against
    :func:`spikeloom.golden.integer.formula.attention`.

    Parameters
    ----------
    design : IntegerDesign
        The layer.
    accumulate : bool
        Whether drives add up over the steps, with v sent once.

    Members
    -------
    i, o, busy
        As :class:`~spikeloom.hdl.frame.layer.LayerComponent`.
    """

    order = "state"

    def __init__(self, design: IntegerDesign, *, accumulate: bool = False):
        self.design: Final = design
        self.plan: IntegerPlan = IntegerPlan(design, accumulate)
        super().__init__(design)

    def compute_cycles(self, arrays: Mapping[str, ArrayLike] | None = None) -> int:
        """Predict the cycles in which the engine works, summed over an inference.

        They depend on the set bits of q and k; without any given, all that a value can have.
        """
        design = self.design
        if arrays is None:
            shape = (design.steps, design.tokens, design.dim)
            most = {"q": design.q_max, "k": design.k_max}
            # The value with the most set bits: all ones, or the most below the greatest.
            arrays = {name: np.full(shape, _fullest(top)) for name, top in most.items()}
        return integer_cycles(self.plan, np.asarray(arrays["q"]), np.asarray(arrays["k"]))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self.plan
        loader, engine = IntegerLoader(plan), IntegerEngine(plan)
        unloader = self._join(m, loader, engine, engine.written)
        entries = add_memory(m, plan.memory("entries"))
        v = add_memory(m, plan.memory("v"), plan.v.filled)
        entries.write(m, loader.addr, loader.entry, loader.en)
        m.d.comb += engine.entry.eq(entries.read(m, engine.entry_addr, engine.entry_en))
        v.write(m, loader.v_addr, loader.beat.replicate(plan.v.slices), loader.v_en)
        m.d.comb += engine.v_data.eq(v.read(m, engine.v_addr))
        if plan.accumulate:
            m.d.comb += [
                engine.r_addr.eq(unloader.addr),
                engine.r_en.eq(unloader.en),
                unloader.data.eq(engine.r_data),
            ]
            return m
        self._send(m, engine, unloader)
        return m


def _fullest(top: int) -> int:
    """Find the value up to ``top`` with the most set bits.

    >>> _fullest(4), _fullest(15), _fullest(11)
    (3, 15, 11)
    """
    return max(range(top + 1), key=lambda value: (value.bit_count(), value))
