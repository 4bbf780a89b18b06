"""Positions that nobody else knows go through golden model and hardware."""

import sys
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
from amaranth.hdl import Mux, Signal
from pydantic import Field, create_model

from spikeloom.design import DesignError
from spikeloom.design.attention import keys, rules
from spikeloom.design.attention.design import AttentionDesign
from spikeloom.design.position import POSITIONS
from spikeloom.design.position.part import PositionPart
from spikeloom.golden.attention.formula import drive
from spikeloom.golden.position.part import PositionModel, permute
from spikeloom.hdl.attention.layer import AttentionLayer
from spikeloom.hdl.position.pair import PairBias
from spikeloom.hdl.position.part import BiasTable, PositionUnits, bias_table
from spikeloom.sim.rows import run
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.verilog import to_rtlil

from ...designs import check


class Product(PositionPart):
    """A bias that is no function of a difference: (i j) mod 3."""

    NAME: ClassVar[str] = "product"
    modulus: int = 3

    def biases(self, layer):
        return 0, self.modulus - 1

    @property
    def has_state(self):
        return False


class ProductModel(PositionModel):
    def bias(self, head):
        index = np.arange(self.design.tokens, dtype=np.int32)
        return index[:, None] * index % self.design.product.modulus


class ProductUnits(PositionUnits):
    pass


class Apart(PositionPart):
    """A bias that differs from head to head, and has both signs: (i j) mod 3 - less."""

    NAME: ClassVar[str] = "apart"
    less: tuple[int, ...] = (0, 1)

    def biases(self, layer):
        return -max(self.less), 2 - min(self.less)

    @property
    def has_state(self):
        return False

    @property
    def own_heads(self):
        return len(self.less) > 1

    def of_heads(self, heads):
        return self.model_copy(update={"less": self.less[heads]})


class ApartModel(PositionModel):
    def bias(self, head):
        index = np.arange(self.design.tokens, dtype=np.int32)
        return index[:, None] * index % 3 - self.design.apart.less[head]


class ApartUnits(PositionUnits):
    pass


class Near(PositionPart):
    """A bias of 1 for neighbours, which is a window."""

    NAME: ClassVar[str] = "near"

    def biases(self, layer):
        return 0, 1

    def windows(self, layer):
        return [1] if layer.tokens > 2 else []


class NearModel(PositionModel):
    def bias(self, head):
        index = np.arange(self.design.tokens)
        return (np.abs(index[:, None] - index) <= 1).astype(np.int32)

    def windows(self):
        return [1]


class NearUnits(PositionUnits):
    pass


class Turn(PositionPart):
    """Three more channels, which hold 5 i + t in binary."""

    NAME: ClassVar[str] = "turn"

    def code_bits(self, layer):
        return (3,)

    @property
    def by_step(self):
        return True


class TurnModel(PositionModel):
    def channels(self, t):
        index = np.arange(self.design.tokens)[:, None]
        return (5 * index + t >> np.arange(3) & 1).astype(np.uint8)


class TurnUnits(PositionUnits):
    pass


class Mirror(PositionPart):
    """The channels of every other token reversed."""

    NAME: ClassVar[str] = "mirror"


class MirrorModel(PositionModel):
    def permute(self, x):
        moved = x.copy()
        moved[..., 1::2, :] = x[..., 1::2, ::-1]
        return moved


class MirrorUnits(PositionUnits):
    permutes = True

    def permute(self, m, token, word):
        odd = Signal()
        m.d.sync += odd.eq(token[0])
        return Mux(odd, word[::-1], word)


OWN = {
    "product": (Product, ProductModel, ProductUnits),
    "apart": (Apart, ApartModel, ApartUnits),
    "near": (Near, NearModel, NearUnits),
    "turn": (Turn, TurnModel, TurnUnits),
    "mirror": (Mirror, MirrorModel, MirrorUnits),
}


@pytest.fixture
def own(monkeypatch):
    """Give the design of attention with more positions, each under its name and nowhere else."""
    for name, (_, model, units) in OWN.items():
        for view, made in (("golden", model), ("hdl", units)):
            path = f"spikeloom.{view}.position.{name}"
            module = ModuleType(path)
            setattr(module, made.__name__, made)
            monkeypatch.setitem(sys.modules, path, module)
    for module in (keys, rules):
        monkeypatch.setattr(module, "POSITIONS", tuple(sorted([*POSITIONS, *OWN])))
    fields = {name: (part, Field(default=part())) for name, (part, _, _) in OWN.items()}
    return create_model("OwnDesign", __base__=AttentionDesign, **fields)


def layer(own, position, **more):
    base = {"tokens": 5, "dim": 12, "heads": 2, "steps": 3, "neuron": "none", "position": position}
    return own.from_dict({**base, "target": {"beat": 4}, **more})


def restated(design, q, k, v):
    """The drive with the formulas of the positions above, spelled out pair by pair."""
    answer = np.zeros(v.shape, dtype=np.int64)
    d = design.head_dim
    for t, i, j in np.ndindex(design.steps, design.tokens, design.tokens):
        for head in range(design.heads):
            part = slice(d * head, d * head + d)
            query, key = q[t, i, part], k[t, j, part]
            if "mirror" in design.position:
                query, key = query[:: -1 if i % 2 else 1], key[:: -1 if j % 2 else 1]
            score = sum(int(a == b) for a, b in zip(query, key, strict=True))
            if "turn" in design.position:
                score += 3 - bin((5 * i + t ^ 5 * j + t) & 7).count("1")
            if "near" in design.position and abs(i - j) <= 1:
                score += 1
            if "product" in design.position:
                score += i * j % 3
            if "apart" in design.position:
                score += i * j % 3 - head
            answer[t, i, part] += score * v[t, j, part]
    return answer


SCORE = [
    *(["product"], ["apart"], ["near"], ["turn"], ["mirror"]),
    *(["mirror", "near", "turn"], ["apart", "gray", "shift", "turn"], ["log", "mirror", "shift"]),
]
STATE = [
    *((["near"], "and"), (["turn"], "hamming"), (["near", "turn"], "and")),
    (["gray", "near", "shift", "turn"], "hamming"),
]


@pytest.mark.parametrize("position", [row for row in SCORE if set(row) <= set(OWN)], ids="-".join)
def test_golden_is_the_formula(own, position):
    design = layer(own, position, similarity="xnor")
    arrays = draw_spikes(design, rate=0.5, seed=3)
    assert (drive(design, **arrays) == restated(design, **arrays)).all()


def test_permutations_go_in_the_order_of_names(own):
    """The mirror first: channel 1 of 6 becomes 4 of odd tokens, and the shift adds one to all."""
    design = layer(own, ["shift", "mirror"], shift={"groups": 1, "values": [[1] * 5]})
    x = np.zeros((5, 6), np.uint8)
    x[:, 1] = 1
    assert np.nonzero(permute(design, x))[1].tolist() == [2, 5, 2, 5, 2]


@pytest.mark.parametrize("position", SCORE, ids="-".join)
def test_score_order(own, position):
    more = {"shift": {"groups": 2}} if "shift" in position else {}
    check(layer(own, position, similarity="xnor", folding={"rows": 2}, **more))


@pytest.mark.parametrize(("position", "similarity"), STATE, ids=str)
def test_state_order(own, position, similarity):
    more = {"shift": {"groups": 2}} if "shift" in position else {}
    check(layer(own, position, similarity=similarity, folding={"order": "state"}, **more))


def test_channels_that_move_need_a_stage_in_state_order(own):
    design = layer(own, "mirror", folding={"order": "state"})
    with pytest.raises(NotImplementedError, match=r"^MirrorUnits has no stage for state order$"):
        to_rtlil(AttentionLayer(design))


def test_several_spikes_a_cycle(own):
    check(layer(own, ["gray", "turn"], folding={"order": "state", "spikes": 2}))


def test_heads_in_parallel_have_their_own(own):
    check(layer(own, ["apart", "turn"], neuron="lif", scale=1, threshold=9, folding={"heads": 2}))


def test_refusals_follow(own):
    def refused(position, **more):
        with pytest.raises(DesignError) as error:
            layer(own, position, **more)
        return str(error.value)

    assert refused(["near", "table"]).startswith("position: ['near', 'table']: near and table are")
    assert refused("product", folding={"order": "state"}).startswith("folding.order: 'state'")
    assert refused("none", near={}) == "near: has a meaning with position near only"
    assert "windows of a bias" in refused("near", folding={"order": "state", "spikes": 2})


@pytest.mark.parametrize("tokens", [1, 2, 5, 8])
@pytest.mark.parametrize(("position", "less"), [("product", 0), ("apart", 1)])
def test_bias_of_any_pair(own, position, less, tokens):
    dut = PairBias(layer(own, [position], tokens=tokens, similarity="xnor"))
    rows = [dict(zip(("head", "i", "j"), n, strict=True)) for n in np.ndindex(2, tokens, tokens)]
    assert run(dut, rows, latency=dut.latency) == [
        row["i"] * row["j"] % 3 - less * row["head"] for row in rows
    ]


def test_one_position_adds_a_bias(own):
    assert bias_table(layer(own, ["product"], similarity="xnor")).index == "pair"
    with pytest.raises(ValueError, match=r"^Positions must add one bias, not \('turn',\)$"):
        bias_table(layer(own, ["turn"]))


def test_a_table_by_its_numbers():
    same = BiasTable("difference", [[0, 1, 3, 1, 0]] * 2)
    assert (same.distinct, same.span) == ([[0, 1, 3, 1, 0]], range(4))
    # Of the distances 0, 1 and 2 the bias is 3, 1 and 0.
    assert same.reaches(3) == [2, 1, 1]
    apart = BiasTable("xor", [[2, 5], [-7, 0]])
    assert (apart.distinct, apart.span) == (apart.tables, range(-7, 6))
