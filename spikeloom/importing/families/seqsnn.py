"""SeqSNN's models for time series: Spikformer and what was made of it, CPG and iSpikformer.

Ref: microsoft/SeqSNN, ``network/snn/spikformer.py``, ``spikformer_CPG.py`` and ``ispikformer.py``;
Lvchangze/SeqSNN, ``spikformer_xnor.py``, ``_gray.py`` and ``_log.py`` of the same folder;
bigbases/Bit_Shift_RoPE, ``spikformer_bitshiftRoPE.py``.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.read import DesignError
from spikeloom.importing.families.family import Family
from spikeloom.importing.families.names import Names, count
from spikeloom.importing.families.source import Source, softened
from spikeloom.importing.families.stem import Stem
from spikeloom.importing.families.tables import CPG_SCALE, compare, read_table, rows_of
from spikeloom.importing.host import Program
from spikeloom.importing.model import Attention, Block, Dense, Head, PublishedModel, Stage

__all__ = ["ISpikformer", "Spikformer", "SpikformerCPG", "SpikformerXnor"]

_HOST: Final = "the encoder of the series: convolution, normalisation and neurons"
_STEPS: Final = ("network.num_steps", "num_steps", "T")
_WINDOW: Final = ("data.window", "window", "network.max_length")
_PROJECTIONS: Final = {"query": "q", "key": "k", "value": "v", "project": "last"}


def _blocks(names: Names, given: Iterable[str]) -> Names:
    for n in range(count(given, "blocks")):
        at = f"blocks.{n}"
        for name in _PROJECTIONS.values():
            names.linear(f"{at}.attn.{name}_m", bias=True).norm(f"{at}.attn.{name}_bn")
        for n_fc in (1, 2):
            names.linear(f"{at}.mlp.fc{n_fc}", bias=True).norm(f"{at}.mlp.bn{n_fc}")
    return names.maybe("fc_out.weight", "fc_out.bias")


class _Series(Family):
    """What the models for time series have in common.

    The convolution of the encoder makes the time steps; its spikes are the input of the network.
    """

    encoder = "temporal_encoder.encoder"

    def _threshold(self, source: Source) -> float:
        """Return the threshold of all neurons but those of the attention."""
        return _common_threshold(source)

    def _attention(self, source: Source, heads: int, n: int) -> Attention:
        """Return the attention of block ``n``: and, with the published scale."""
        scale = source.number("qk_scale", ("network.qk_scale", "qk_scale"), 0.125, 1e-6)
        return Attention("attention", {"heads": heads, "scale": scale, "threshold": _half(source)})

    def _expand(self, source: Source, at: str, dim: int, eps: float) -> dict[str, Dense]:
        """Return the MLP of a block."""
        expand = source.dense(
            f"{at}.expand",
            f"{at}.mlp.fc1",
            f"{at}.mlp.bn1",
            None,
            dim,
            eps=eps,
            threshold=self._threshold(source),
        )
        contract = source.dense(
            f"{at}.contract",
            f"{at}.mlp.fc2",
            f"{at}.mlp.bn2",
            dim,
            len(expand.weight),
            eps=eps,
            threshold=self._threshold(source),
        )
        return {"expand": expand, "contract": contract}

    def _read_blocks(self, source: Source, dim: int) -> tuple[Block, ...]:
        depth = count(source.names, "blocks")
        source.agree("the number of blocks", ("network.depths", "depths"), depth)
        source.agree("the width", ("network.dim", "dim"), dim)
        heads = source.count("heads", ("network.heads", "heads"), 8)
        if dim % heads:
            allowed = f"must divide the width ({dim})"
            found = source.find("network.heads", "heads")
            if found is None:
                raise DesignError("network.heads", str(heads), f"{allowed}, and was a guess")
            raise source.contradiction(found[0], heads, allowed)
        eps, found_blocks = _eps(source), []
        for n in range(depth):
            at = f"blocks.{n}"
            dense = {
                layer: source.dense(
                    f"{at}.{layer}",
                    f"{at}.attn.{name}_m",
                    f"{at}.attn.{name}_bn",
                    dim,
                    dim,
                    eps=eps,
                    threshold=self._threshold(source),
                )
                for layer, name in _PROJECTIONS.items()
            }
            dense |= self._expand(source, at, dim, eps)
            found_blocks.append(Block(dense, self._attention(source, heads, n)))
        hidden = len(found_blocks[0].dense["expand"].weight)
        source.agree("the width of the MLP", ("network.d_ff", "d_ff"), hidden)
        return tuple(found_blocks)

    def _spikes(self, source: Source, stem: Stem, steps: int) -> str:
        """Add the encoder of the series: (L, C) to spikes (T, L, C)."""
        if not source.has(f"{self.encoder}.0.weight"):
            raise DesignError(
                "", "", "must hold a convolutional encoder of the series", source.file
            )
        x = stem.do("axes", "data", order=[1, 0])
        x = stem.conv(stem.do("expand", x, axis=[0, 1]), f"{self.encoder}.0")
        x = stem.norm(x, f"{self.encoder}.1")
        x = stem.do("lif", stem.do("axes", x, order=[1, 0, 2, 3]), threshold=1.0)
        return stem.do("axes", stem.do("squeeze", x, axis=[1]), order=[0, 2, 1])

    def _steps(self, source: Source) -> int:
        """Return T: the channels of the encoder's convolution."""
        steps = source.shape(f"{self.encoder}.0.weight", 4)[0]
        source.agree("T", _STEPS, steps)
        return steps


class Spikformer(_Series):
    """SeqSNN's Spikformer; with shift-RoPE where the configuration says so."""

    title = "SeqSNN Spikformer"
    anchor = "blocks.0.attn.q_m.weight"

    def names(self, given: Iterable[str]) -> Names:
        """Return the tensors: an encoder, a position of several kinds, blocks."""
        names = Names().linear("temporal_encoder.encoder.0", bias=True)
        names.norm("temporal_encoder.encoder.1").linear("encoder", bias=True)
        if "pe.emb.rpe_conv.weight" in given:
            names.linear("pe.emb.rpe_conv", bias=False).norm("pe.emb.rpe_bn")
        names.maybe("pe.emb.pe", "pe.emb.weight")
        return _blocks(names, given)

    def read(self, source: Source) -> PublishedModel:
        """Return the model."""
        steps = self._steps(source)
        dim, wide = source.shape("encoder.weight", 2)
        kind = source.word(("network.pe_type", "pe_type"))
        table = read_table(source)
        tokens = _tokens(source, steps)
        stem = Stem(source, _eps(source))
        x = self._spikes(source, stem, steps)
        channels, most = wide, 1
        if table is not None and kind != "static":
            mode = source.word(("network.pe_mode", "pe_mode")) or "concat"
            rows = rows_of(source, table, steps, tokens, "pe.emb.pe")
            name = stem.table("position", rows)
            x = stem.do("beside" if mode == "concat" else "plus", x, weights=(name,))
            channels = wide - rows.shape[2] if mode == "concat" else wide
            most = 1 if mode == "concat" else 2
            if table.min() < 0:
                raise DesignError("pe_type", "random", "is not read: its entries have signs")
        elif source.has("pe.emb.rpe_conv.weight"):
            x, most = _conv_position(stem, x, "pe.emb.rpe_conv", "pe.emb.rpe_bn"), 2
        elif kind in ("learn", "static"):
            allowed = (
                "is not carried over: real numbers are added to spikes in front of the network"
            )
            raise source.contradiction("network.pe_type", kind, allowed)
        elif source.has("pe.emb.weight"):
            source.say("pe.emb.weight", "left", "an embedding that pe_type none never uses")
        if channels < 1:
            raise source.refuse("encoder.weight", "must have inputs beside those of the position")
        encoder = source.dense(
            "encoder", "encoder", None, dim, wide, threshold=self._threshold(source)
        )
        return _model(
            self.title + self._variant(source),
            source,
            steps,
            tokens,
            channels,
            stem.end(x),
            most,
            encoder,
            self._read_blocks(source, dim),
        )

    def _attention(self, source: Source, heads: int, n: int) -> Attention:
        found = super()._attention(source, heads, n)
        if not self._variant(source):
            return found
        groups = source.count("num_groups", ("network.num_groups", "num_groups"), 4)
        base = source.number("base", ("network.base", "base"), 64, 2**-20)
        shift = {"groups": groups, "base": base}
        return replace(found, section={**found.section, "position": ["shift"], "shift": shift})

    def _variant(self, source: Source) -> str:
        kind = source.word(("network.type", "type")) or ""
        return ", with bit-shift RoPE" if "BitShift" in kind else ""


class SpikformerXnor(_Series):
    """The XNOR, Gray-PE and Log-PE variants of the relative position encodings' first author."""

    title = "SeqSNN Spikformer with XNOR"
    anchor = "blocks.0.attn.q_m.weight"

    _KINDS: Final = {
        "Spikformer_XNOR": "",
        "Spikformer_XNOR_Gray": "gray",
        "Spikformer_XNOR_Log": "log",
    }

    def names(self, given: Iterable[str]) -> Names:
        """Return the tensors: those of Spikformer, normalisation behind the encoder, scales."""
        names = Names().linear("temporal_encoder.encoder.0", bias=True)
        names.norm("temporal_encoder.encoder.1").linear("encoder", bias=True).norm("init_bn")
        names.linear("pe.rpe_conv", bias=False).norm("pe.rpe_bn")
        for n in range(count(given, "blocks")):
            names.one(f"blocks.{n}.attn.scale")
        return _blocks(names, given)

    def read(self, source: Source) -> PublishedModel:
        """Return the model."""
        kind = self._kind(source)
        steps = self._steps(source)
        dim, channels = source.shape("encoder.weight", 2)
        stem = Stem(source, _eps(source))
        x = self._spikes(source, stem, steps)
        most = 1
        if source.word(("network.pe_type", "pe_type")) != "none":
            x, most = _conv_position(stem, x, "pe.rpe_conv", "pe.rpe_bn"), 2
        encoder = source.dense("encoder", "encoder", "init_bn", dim, channels, eps=_eps(source))
        if not kind:
            why = "over all steps, samples and heads, which is in no paper and no stream can do"
            source.left["the least score that the code takes from all"] = why
        tokens = _tokens(source, steps)
        return _model(
            f"{self.title}{' and ' + kind.title() + '-PE' if kind else ''}",
            source,
            steps,
            tokens,
            channels,
            stem.end(x),
            most,
            encoder,
            self._read_blocks(source, dim),
        )

    def _threshold(self, source: Source) -> float:
        """Return 1: the code does not pass on what the configuration says."""
        return 1.0

    def _kind(self, source: Source) -> str:
        found = source.find("network.type", "type")
        kind = None if found is None else str(found[1])
        if kind not in self._KINDS:
            allowed = f"must be one of {', '.join(self._KINDS)}: their tensors are the same"
            if found is None:
                raise DesignError("network.type", "", f"missing: {allowed}")
            raise source.contradiction(*found, allowed)
        return self._KINDS[kind]

    def _attention(self, source: Source, heads: int, n: int) -> Attention:
        scale = softened(source.take(f"blocks.{n}.attn.scale", f"the scale of blocks.{n}", ()))
        section: dict[str, Any] = {"heads": heads, "similarity": "xnor", "scale": scale}
        section["threshold"] = _half(source)
        kind = self._kind(source)
        if kind == "gray":
            section |= {"position": ["gray"], "gray": {"bits": 10, "index": "t*L+l"}}
        elif kind == "log":
            section |= {"position": ["log"], "log": {"definition": "code"}}
        return Attention("attention", section, least=not kind)


class SpikformerCPG(_Series):
    """SeqSNN's Spikformer whose linear layers see the neurons of a central pattern generator."""

    title = "SeqSNN SpikformerCPG"
    anchor = "encoder.inp_linear.weight"

    def names(self, given: Iterable[str]) -> Names:
        """Return the tensors: linear layers of encoder and MLP are pairs, with a table."""
        names = Names().linear("temporal_encoder.encoder.0", bias=True)
        names.norm("temporal_encoder.encoder.1")
        pairs = ["encoder"]
        for n in range(count(given, "blocks")):
            at = f"blocks.{n}"
            for name in _PROJECTIONS.values():
                names.linear(f"{at}.attn.{name}_m", bias=True).norm(f"{at}.attn.{name}_bn")
            names.norm(f"{at}.mlp.bn1", f"{at}.mlp.bn2")
            pairs += [f"{at}.mlp.fc1", f"{at}.mlp.fc2"]
        for pair in pairs:
            names.one(f"{pair}.cpg")
            names.linear(f"{pair}.inp_linear", f"{pair}.cpg_linear", bias=True)
        return names.maybe("fc_out.weight", "fc_out.bias")

    def read(self, source: Source) -> PublishedModel:
        """Return the model; the neurons are inputs beside the series."""
        steps = self._steps(source)
        tokens = _tokens(source, steps)
        dim, channels = source.shape("encoder.inp_linear.weight", 2)
        stem = Stem(source, _eps(source))
        x = self._spikes(source, stem, steps)
        table = source.take("encoder.cpg", "runs on the host", (None, None))
        compare(source, "encoder.cpg", table, CPG_SCALE)
        rows = rows_of(source, table, steps, tokens, "encoder.cpg")
        x = stem.do("beside", x, weights=(stem.table("position", rows),))
        own = source.dense("encoder", "encoder.inp_linear", None, dim, channels)
        beside = source.dense("encoder", "encoder.cpg_linear", None, dim, rows.shape[2])
        encoder = replace(
            own,
            weight=np.concatenate([own.weight, beside.weight], axis=1),
            bias=_sum(own.bias, beside.bias),
            threshold=self._threshold(source),
        )
        return _model(
            self.title,
            source,
            steps,
            tokens,
            channels,
            stem.end(x),
            1,
            encoder,
            self._read_blocks(source, dim),
        )

    def _expand(self, source: Source, at: str, dim: int, eps: float) -> dict[str, Dense]:
        steps = self._steps(source)
        tokens = _tokens(source, steps)
        found, inputs = {}, dim
        for layer, name, rows in (("expand", "1", None), ("contract", "2", dim)):
            base = f"{at}.mlp.fc{name}"
            own = source.dense(
                f"{at}.{layer}",
                f"{base}.inp_linear",
                f"{at}.mlp.bn{name}",
                rows,
                inputs,
                eps=eps,
                threshold=self._threshold(source),
            )
            inputs = len(own.weight)
            table = source.take(f"{base}.cpg", f"in the position of {at}.{layer}", (None, None))
            beside = source.dense(
                f"{at}.{layer}", f"{base}.cpg_linear", None, inputs, table.shape[1]
            )
            compare(source, f"{base}.cpg", table, CPG_SCALE)
            added = rows_of(source, table, steps, tokens, f"{base}.cpg") @ beside.weight.T
            bias = _sum(own.bias, beside.bias)
            if not (np.isfinite(bias).all() and np.isfinite(added).all()):
                raise source.refuse(f"{base}.cpg_linear.weight", "must be smaller to be added up")
            found[layer] = replace(own, bias=bias.astype(np.float32), beside=added)
        return found


class ISpikformer(_Series):
    """SeqSNN's iSpikformer: the tokens are the variates of the series."""

    title = "SeqSNN iSpikformer"
    anchor = "emb.value_embedding.weight"
    encoder = "encoder.encoder"

    def names(self, given: Iterable[str]) -> Names:
        """Return the tensors: an encoder, an embedding of whole windows, blocks."""
        names = Names().linear("encoder.encoder.0", bias=True).norm("encoder.encoder.1")
        names.linear("emb.value_embedding", bias=True).norm("emb.bn")
        return _blocks(names, given)

    def read(self, source: Source) -> PublishedModel:
        """Return the model."""
        steps = self._steps(source)
        dim, window = source.shape("emb.value_embedding.weight", 2)
        source.agree("the window", _WINDOW, window)
        names = ("network.input_size", "input_size", "variates", "data.variates")
        variates = source.options.tokens
        if source.options.data is not None:
            variates = source.options.data.shape[-1]
        if variates is None:
            variates = source.count("the number of variates", names, 7)
        stem = Stem(source, _eps(source))
        x = stem.do("axes", self._spikes(source, stem, steps), order=[0, 2, 1])
        encoder = source.dense(
            "encoder", "emb.value_embedding", "emb.bn", dim, window, eps=_eps(source)
        )
        why = "it is for each variate; numbers here are a mean over them, of the last step"
        source.left["the read-out"] = why
        found = _model(
            self.title,
            source,
            steps,
            variates,
            variates,
            stem.end(x),
            1,
            encoder,
            self._read_blocks(source, dim),
        )
        (stage,) = found.stages
        last = replace(stage, head=replace(stage.head, steps="last"))
        return replace(found, stages=(last,), data=(window, variates))


def _model(
    family: str,
    source: Source,
    steps: int,
    tokens: int,
    channels: int,
    host: Program,
    most: int,
    encoder: Dense,
    blocks: tuple[Block, ...],
) -> PublishedModel:
    dim = len(encoder.weight)
    stage = Stage(source.options.name, tokens, host, most, encoder, blocks, _head(source, dim))
    return PublishedModel(family, steps, (stage,), (tokens, channels), (_HOST,))


def _head(source: Source, dim: int) -> Head:
    """Return the forecast's linear layer, which the runner has, or the features."""
    if not source.has("fc_out.weight"):
        source.notes.append("no fc_out: the numbers are the features, a mean of each channel")
        return Head(np.eye(dim, dtype=np.float32))
    weight = source.take("fc_out.weight", "the read-out", (None, dim))
    bias = (
        source.take("fc_out.bias", "the read-out", (len(weight),))
        if source.has("fc_out.bias")
        else None
    )
    if source.word(("runner.aggregate", "aggregate")) == "False":
        source.left["the read-out"] = "it is for each token; numbers here are of all tokens"
    return Head(weight, bias)


def _eps(source: Source) -> float:
    names = ("network.eps", "eps", "norm_eps")
    return 1e-5 if source.find(*names) is None else source.number("eps", names, 1e-5, 0)


def _common_threshold(source: Source) -> float:
    names = ("network.common_thr", "common_thr")
    return 1.0 if source.find(*names) is None else source.number("common_thr", names, 1, 1e-6)


def _half(source: Source) -> float:
    return _common_threshold(source) / 2


def _tokens(source: Source, steps: int) -> int:
    """Return L: the window of the data, of the configuration, or what it is for Electricity."""
    if source.options.data is not None and source.options.data.ndim == 3:
        return int(source.options.data.shape[1])
    if source.options.tokens is not None:
        return source.options.tokens
    return source.count("the window", _WINDOW[:2], 168)


def _conv_position(stem: Stem, x: str, conv: str, norm: str) -> str:
    """Add spikes of a convolution over the tokens to the spikes of the series."""
    z = stem.do("expand", stem.do("axes", x, order=[0, 2, 1]), axis=[2])
    z = stem.do("lif", stem.norm(stem.conv(z, conv), norm), threshold=1.0)
    return stem.do("add", x, stem.do("axes", stem.do("squeeze", z, axis=[2]), order=[0, 2, 1]))


def _sum(a: NDArray[Any] | None, b: NDArray[Any] | None) -> NDArray[Any]:
    """Return the sum of two biases that may be missing."""
    total: NDArray[Any] = np.zeros(1, dtype=np.float32)
    for part in (a, b):
        total = total if part is None else total + part
    return total
