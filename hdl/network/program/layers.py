"""A network as layers of the engine: what each adds up, and where its spikes go.

The engine knows one thing: neurons on sums of spikes. All else is said with it.

* A sum of spikes (residual add) is not stored: its spikes are, each in a tensor of their own, and
  whoever takes the sum takes all of them, with the same weights.
* A membrane (residual membrane) is not stored either. It is a sum of drives, and these are sums of
  spikes that are: the neurons on it add up the encoder's inputs and the spikes of all branches so
  far, with the weights of the encoder and of these branches.
* A neuron with a threshold of 1 on a sum of 0 or 1 gives the sum itself, and keeps nothing. With a
  threshold of 2 on a sum of two spikes, and a membrane without fraction, it gives their and.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.mask import MaskDesign
from spikeloom.design.network.sections import Block
from spikeloom.golden.mask import is_or
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.hdl.network.geometry import HALVES, Geometry

__all__ = ["Layer", "Place", "Term", "lower"]

_Array = NDArray[np.int64]


@dataclass(frozen=True)
class Place:
    """A bit of the inputs.

    Parameters
    ----------
    plane : int
        Which of the bits of its tensor.
    place : int
        What it counts, 2**place.
    sign : int
        1 or -1.
    """

    plane: int = 0
    place: int = 0
    sign: int = 1


_SPIKES = (Place(),)
_PARAMETERS = ("bias", "threshold")


@dataclass(frozen=True)
class Term:
    """Weights of a tensor.

    Parameters
    ----------
    tensor : str
        Name of the tensor.
    weight : numpy.ndarray
        (groups, outputs, lanes of its slots).
    inputs : tuple of Place
        Bits of the tensor.
    shift : int
        The weights count 2**shift.
    table : range or None
        Lanes of a token's place, of whose bits one is set.
    sparse : bool
        Whether nothing is read for weights that are all zero.
    stays : bool
        Whether its first row is read for all tokens.
    """

    tensor: str
    weight: _Array
    inputs: tuple[Place, ...] = _SPIKES
    shift: int = 0
    table: range | None = None
    sparse: bool = False
    stays: bool = False


@dataclass(frozen=True)
class Layer:
    """Neurons on a sum of terms, or numbers of the read-out.

    Parameters
    ----------
    terms : tuple of Term
        What is added up.
    bias, threshold : numpy.ndarray
        Of each output, in units of 2**-F of a sum; numbers of the read-out have no fraction, and no
        threshold.
    target : str
        Tensor of the spikes; empty for the read-out.
    channels : numpy.ndarray
        Lanes of the outputs in it.
    turned : bool
        Whether spikes go to the memory of keys.
    join : str
        ``"or"`` or ``"iand"`` where they join what is there.
    gathers : bool
        Whether spikes of all tokens go to the first row.
    flags : dict of str to int
        Flags of all of its passes.
    name : str
        What is in the target when it is computed, as :class:`~spikeloom.golden.network.Trace` calls
        it; empty for what is half done.
    """

    terms: tuple[Term, ...]
    bias: _Array
    threshold: _Array
    target: str
    channels: _Array
    turned: bool = False
    join: str = ""
    gathers: bool = False
    flags: Mapping[str, int] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True)
class _Source:
    """Where a layer finds what it multiplies: a tensor, lanes of its channels, its bits."""

    tensor: str
    channels: _Array
    inputs: tuple[Place, ...] = _SPIKES


def lower(plan: Geometry) -> "tuple[Layer | None, ...]":
    """Return the layers in the order in which they are computed; None is the attention layer."""
    return tuple(_Lowering(plan).layers())


class _Lowering:
    """A network on its way: what x, or the membrane, is made of so far."""

    def __init__(self, plan: Geometry):
        self.plan = plan
        self.design = plan.design
        self.weights = plan.design.weights
        self.plain = np.arange(plan.design.dim)
        self.x: list[_Source] = [_Source("x", self.plain)]
        self.u: list[Term] = []
        self.u_bias = np.zeros(plan.design.dim, dtype=np.int64)
        # What a neuron that fires above its threshold fires at, is that and one.
        self.above = int(plan.unit.up)
        # Neurons that halve their membrane forget a one by themselves.
        self.keeps = plan.unit != HALVES

    def layers(self) -> "Iterator[Layer | None]":
        """Go through the network."""
        design = self.design
        yield from self._encoder()
        for n, block in enumerate(design.blocks):
            if block.membrane:
                yield self._neurons(f"blocks.{n}.input")
            yield from self._attention(n, block)
            yield from self._branch(n, block, "project")
            if block.membrane:
                yield self._neurons(f"blocks.{n}.mlp")
            yield self._dense(n, "expand", self.x, _kept(block, n, "expand"))
            yield from self._branch(n, block, "contract")
        if design.membrane and design.readout.neurons == "tokens":
            yield self._neurons("readout")
        yield self._readout()

    def _spread(self, weight: _Array, channels: _Array) -> _Array:
        """Put columns at lanes of whole slots, zero elsewhere; (groups, outputs, lanes)."""
        width = self.plan.slots(1 + int(channels.max())) * self.plan.lanes
        wide = np.zeros((*weight.shape[:-1], width), dtype=np.int64)
        wide[..., channels] = weight
        return wide if wide.ndim == 3 else wide[None]

    def _terms(self, sources: Sequence[_Source], weight: _Array) -> tuple[Term, ...]:
        return tuple(
            Term(one.tensor, self._spread(weight, one.channels), one.inputs) for one in sources
        )

    def _each(self, tensor: str, channels: _Array | None = None) -> Term:
        """Return the channels of a tensor, each for the output of its number."""
        one = np.eye(self.design.dim, dtype=np.int64)
        source = _Source(tensor, self.plain if channels is None else channels)
        return replace(self._terms([source], one)[0], sparse=True)

    def _parameters(self, at: str) -> tuple[_Array, _Array]:
        return self.weights[f"{at}.bias"], self.weights[f"{at}.threshold"] + self.above

    def _encoder(self) -> Iterator[Layer]:
        """Give the encoder; without one, or without its neurons, only say what there is."""
        design, encoder, plan = self.design, self.design.encoder, self.plan
        lift = design.fraction - encoder.fraction
        if encoder.kind == "none":
            planes = tuple(Place(n, *bit) for n, bit in enumerate(encoder.planes))
            self.x = [_Source("x", self.plain, planes)]
            given = self._each("input")
            self.u = [replace(given, inputs=planes)]
            lanes = plan.tensors["x"].slots * plan.lanes
            for n in range(encoder.bits if plan.copies_input else 0):
                bit = replace(given, inputs=(Place(n),))
                yield self._gate([bit], 1, "x", self.plain + n * lanes)
            return
        term = Term("input", plan.encoder_weight[None], table=plan.place_lanes)
        if design.membrane:
            self.u, self.u_bias = [term], self.weights["encoder.bias"] << lift
            return
        bias, threshold = (self.weights[f"encoder.{name}"] << lift for name in _PARAMETERS)
        flags = {} if encoder.fraction or self.keeps else {"whole": 1}
        flags |= {"spread": 1} if plan.spread else {}
        threshold = threshold + self.above
        yield Layer((term,), bias, threshold, "x", self.plain, flags=flags, name="encoder")

    def _dense(
        self,
        n: int,
        name: str,
        sources: Sequence[_Source],
        target: str,
        channels: _Array | None = None,
    ) -> Layer:
        """Give a linear layer of a block with its neurons."""
        at = f"blocks.{n}.{name}"
        weight = self.weights[f"{at}.weight"]
        terms = self._terms(sources, weight)
        where = np.arange(len(weight)) if channels is None else channels
        return Layer(terms, *self._parameters(at), target, where, name=at)

    def _neurons(self, at: str) -> Layer:
        """Give the neurons on the membrane, whose spikes become x."""
        lift = self.design.fraction - self.design.encoder.fraction
        threshold = (self.weights[f"{at}.threshold"] << lift) + self.above
        self.x = [_Source("x", self.plain)]
        return Layer(tuple(self.u), self.u_bias, threshold, "x", self.plain, name=at)

    def _gate(
        self,
        terms: Sequence[Term],
        threshold: int,
        target: str,
        channels: _Array | None = None,
        *,
        whole: bool = False,
    ) -> Layer:
        """Give neurons of one threshold in whole numbers."""
        outputs = terms[0].weight.shape[1]
        unit = 1 << self.design.fraction
        return Layer(
            tuple(terms),
            np.zeros(outputs, dtype=np.int64),
            np.full(outputs, threshold * unit),
            target,
            self.plain if channels is None else channels,
            flags={"whole": 1} if whole or self.keeps else {},
        )

    def _attention(self, n: int, block: Block) -> "Iterator[Layer | None]":
        """Give query, key and value, and the attention or the mask."""
        plan, layer = self.plan, block.attention
        masked = isinstance(layer, MaskDesign)
        channels = self.plain if masked else plan.by_head
        for name in block.layers[:-3]:
            dense = self._dense(n, name, self.x, name, channels)
            if n == 0 and name == "query" and not plan.keeps_input:
                dense = replace(dense, flags={"release": 1})
            if name == "key" and not masked and plan.keys_turned:
                dense = replace(dense, turned=True, channels=self.plain)
            yield dense
        target = self._answer(block, n)
        if isinstance(layer, MaskDesign):
            *parts, last = self._mask(layer, target)
            yield from parts
            yield replace(last, name=f"blocks.{n}.attention")
            return
        yield None
        if target != "attention":
            yield self._gate([self._each("attention", channels)], 1, target)

    def _answer(self, block: Block, n: int) -> str:
        """Name the tensor of the attention's answer; the last needs not be kept apart."""
        return "attention" if n == self.design.depth - 1 else _kept(block, n, "attention")

    def _mask(self, layer: MaskDesign, target: str) -> Iterator[Layer]:
        """Give the mask and the spikes that it lets pass."""
        if layer.attention == "qk-token":
            yield from self._token_mask(layer, target)
            return
        mask, query, key = (self._each(name) for name in ("mask", "query", "key"))
        counted, passing = ([query], key)
        if layer.attention == "sdsa":
            counted, passing = [key, self._each("value")], query
        # A spike of any token sets the mask, where nothing is at first.
        nothing = replace(mask, weight=np.zeros_like(mask.weight))
        yield self._gate([nothing], 1, "mask")
        many = len(counted)
        spikes = self._gate(counted, many, "mask", whole=many > 1)
        yield replace(spikes, join="or", gathers=True)
        yield self._gate([passing, replace(mask, stays=True)], 2, target, whole=True)

    def _token_mask(self, layer: MaskDesign, target: str) -> Iterator[Layer]:
        """Give the mask of queries, a spike a head, and keys where it is set."""
        heads = np.repeat(np.eye(layer.heads, dtype=np.int64), layer.head_dim, axis=1)
        spec = NeuronSpec.from_design(layer)
        flags: Mapping[str, int] = {}
        gate = self._gate(
            self._terms([_Source("query", self.plain)], heads),
            *(1, "mask", np.arange(layer.heads)),
        )
        if is_or(spec, layer.most, layer.steps):
            spec, flags = replace(spec, fraction=0, threshold=1), gate.flags
        threshold = spec.threshold << self.design.fraction - spec.fraction
        yield replace(gate, threshold=np.full(layer.heads, threshold), flags=flags)
        (of_head,) = self._terms([_Source("mask", np.arange(layer.heads))], heads.T)
        both = [self._each("key"), replace(of_head, sparse=True)]
        yield self._gate(both, 2, target, whole=True)

    def _branch(self, n: int, block: Block, name: str) -> Iterator[Layer]:
        """Give the last layer of a branch, and join it to x or to the membrane."""
        tensor = self._answer(block, n) if name == "project" else _kept(block, n, "expand")
        channels = np.arange(block.hidden if name == "contract" else self.design.dim)
        if tensor == "attention" and not isinstance(block.attention, MaskDesign):
            channels = self.plan.by_head
        source, at = [_Source(tensor, channels)], f"blocks.{n}.{name}"
        joined = f"blocks.{n}.{'x' if name == 'project' else 'out'}"
        if block.membrane:
            encoder, fraction = self.design.encoder, self.design.fraction
            lift = fraction - encoder.fraction
            (term,) = self._terms(source, self.weights[f"{at}.weight"])
            self.u.append(replace(term, shift=lift))
            self.u_bias = self.u_bias + (self.weights[f"{at}.bias"] << lift)
        elif block.residual == "add":
            yield self._dense(n, name, source, at)
            self.x.append(_Source(at, self.plain))
        elif block.residual == "xor":
            yield self._dense(n, name, source, "branch")
            both, either = self._xor()
            yield from (both, replace(either, name=joined))
        else:
            dense = self._dense(n, name, source, "x")
            yield replace(dense, join=block.residual, name=joined)

    def _xor(self) -> Iterator[Layer]:
        """Give x and branch, which are both there, and then x + branch - 2 both."""
        x, z, both = (self._each(name) for name in ("x", "branch", "both"))
        yield self._gate([x, z], 2, "both", whole=True)
        yield self._gate([replace(both, weight=-both.weight, shift=1), x, z], 1, "x")

    def _readout(self) -> Layer:
        """Give the numbers, of spikes or of the membrane itself."""
        readout, weights = self.design.readout, self.weights
        bias, nothing = weights["readout.bias"], np.zeros(readout.outputs, dtype=np.int64)
        flags = {"reads_out": 1, "group": int(readout.groups > 1)}
        terms = self._terms(self.x, weights["readout.weight"])
        if self.design.membrane and readout.neurons == "none":
            terms = tuple(self._through(term, weights["readout.weight"]) for term in self.u)
            lift = self.design.fraction - self.design.encoder.fraction
            whole = weights["readout.weight"][0] @ (self.u_bias >> lift)
            bias = bias + self.design.steps * whole
        return Layer(terms, bias, nothing, "", nothing, flags=flags)

    def _through(self, term: Term, weight: _Array) -> Term:
        """Return the weights of what a term adds to the membrane, seen through those of numbers."""
        shift = term.shift + self.design.encoder.fraction
        return replace(term, weight=weight @ term.weight[0], shift=shift, sparse=False)


def _kept(block: Block, n: int, name: str) -> str:
    """Name a tensor of a block, of its own where membranes take it until the end."""
    return f"blocks.{n}.{name}" if block.membrane else name
