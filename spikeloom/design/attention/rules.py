"""Rules that span several keys of an attention layer: refusals and warnings."""

from collections.abc import Iterator

from spikeloom.design.attention.keys import AttentionKeys
from spikeloom.design.attention.norm import check_norm, offset_warnings
from spikeloom.design.neuron import neuron_warnings, soft_warnings
from spikeloom.design.position import POSITIONS
from spikeloom.design.read import DesignError, show
from spikeloom.design.similarity import PAIRS, SIMILARITIES, same_as

__all__ = ["check", "check_folding", "warn"]

# Tokens that attend to each other at most, as many as one step may have.
_LONGEST = 4096


def check(design: AttentionKeys) -> None:
    """Raise :exc:`DesignError` for the first combination of keys that has no meaning."""
    given = design.model_fields_set
    if SIMILARITIES[design.similarity].alpha:
        if design.alpha is None:
            reason = f"missing: similarity {design.similarity} needs it, from 0 to 1"
            raise DesignError("alpha", "", reason)
    else:
        named = " or ".join(name for name, row in SIMILARITIES.items() if row.alpha)
        for key in ("alpha", "alpha_bits"):
            if key in given:
                reason = f"has a meaning with similarity {named} only, not {design.similarity}"
                raise DesignError(key, _written(getattr(design, key)), reason)
    for key in ("scale", "alpha"):
        value = getattr(design, key)
        if isinstance(value, tuple) and len(value) != design.heads:
            allowed = f"must be one number, or a list of one a head ({design.heads})"
            raise DesignError(key, f"{len(value)} numbers", allowed)
    check_norm(design.norm, design.dim, design.neuron)
    for section in POSITIONS:
        if section in given and section not in design.position:
            raise DesignError(section, "", f"has a meaning with position {section} only")
    adding = [part.NAME for part in design.parts if part.biases(design)]
    if len(adding) > 1:
        reason = f"{' and '.join(adding)} are both an added bias: put their sum into the table"
        raise DesignError("position", show(list(design.position)), reason)
    if design.crossed:
        _check_crossed(design)
    if design.chunk > 1:
        _check_chunk(design)
    for part in design.parts:
        part.check(design)
    _check_gate(design)


def _written(value: object) -> str:
    """Write a number or numbers as the design file may have them."""
    return show([str(x) for x in value] if isinstance(value, tuple) else str(value))


def _check_crossed(design: AttentionKeys) -> None:
    """Refuse what compares the places of a query and of a key, which lie in two sequences."""
    reason = (
        f"has no meaning with {design.key_tokens} keys for {design.tokens} tokens: places of the "
        "one sequence are none of the other"
    )
    _refuse_places(design, reason)


def _check_chunk(design: AttentionKeys) -> None:
    """Refuse chunks that do not make up the steps, or that hold too much."""
    chunk = show(design.chunk)
    if design.steps % design.chunk:
        raise DesignError("chunk", chunk, f"must divide the steps ({design.steps})")
    longest = max(design.tokens, design.key_tokens)
    if design.chunk * longest > _LONGEST:
        allowed = f"must be at most {_LONGEST // longest}: {_LONGEST} tokens of {longest} a step"
        raise DesignError("chunk", chunk, allowed)
    reason = f"has no meaning with chunk {chunk}: places are those of the tokens of one step"
    _refuse_places(design, reason)


def _refuse_places(design: AttentionKeys, reason: str) -> None:
    """Refuse every key that compares the places of tokens."""
    if design.position:
        raise DesignError("position", show(list(design.position)), reason)
    if design.causal:
        raise DesignError("causal", "true", reason)
    if design.window is not None:
        raise DesignError("window", show(design.window), reason)


def _check_gate(design: AttentionKeys) -> None:
    if design.gate is None:
        return
    spans = [how.bounds(design.channels) for how in set(design.similarities)]
    low = min(span[0] for span in spans) >> design.score_fraction
    high = max(span[1] for span in spans) >> design.score_fraction
    least, most = design.biases or (0, 0)
    low, high = low + least, high + most
    if not low < design.gate <= high:
        allowed = f"must be an integer from {low + 1} to {high}: the scores lie in {low} .. {high}"
        raise DesignError("gate", show(design.gate), allowed)


def check_folding(design: AttentionKeys, order: str) -> None:
    """Raise :exc:`DesignError` where a folding does not go with the layer, in its order."""
    folding = design.folding
    if folding.rows > design.tokens:
        allowed = f"must be an integer from 1 to tokens ({design.tokens})"
        raise DesignError("folding.rows", show(folding.rows), allowed)
    if folding.rows & folding.rows - 1:
        raise DesignError("folding.rows", show(folding.rows), "must be a power of two")
    if design.heads % folding.heads:
        allowed = f"must divide the heads ({design.heads})"
        raise DesignError("folding.heads", show(folding.heads), allowed)
    own = any(part.own_heads for part in design.parts) or len(set(design.similarities)) > 1
    if folding.heads > 1 and design.neuron == "none" and own:
        reason = "must be 1: drives of heads with a table or alpha of their own differ in width"
        raise DesignError("folding.heads", show(folding.heads), reason)
    thresholds = set(design.thresholds_exact) if design.neuron != "none" else set()
    differ = len(thresholds) > 1 or design.normed is not None
    if folding.heads > 1 and differ and any(soft_warnings(design)):
        reason = "must be 1: a threshold of a soft reset is rounded to a grid of all heads"
        raise DesignError("folding.heads", show(folding.heads), reason)
    lanes, beat, width = design.lanes, design.beat, design.head_dim
    if lanes > width or (lanes != width and beat % lanes and lanes % beat):
        allowed = (
            f"must be at most dim/heads ({width}), and equal to it, a divisor of the beat ({beat}) "
            "or a multiple of the beat"
        )
        raise DesignError("folding.lanes", show(lanes), allowed)
    if folding.spikes > 1:
        _check_spikes(design, order)
    if design.chunk > 1:
        _check_rows(design)
    if order == "score":
        return
    if folding.rows > 1:
        reason = "rows of scores do not exist in state order: must be 1"
        raise DesignError("folding.rows", show(folding.rows), reason)
    if design.gate is not None:
        reason = (
            "must be 'score': a gate decides for every pair of tokens, and no function of the "
            "state does"
        )
        raise DesignError("folding.order", show(folding.order), reason)
    if design.masked:
        reason = (
            "must be 'score': which keys a query sees differs from one query to the next, and the "
            "state is a sum over all of them"
        )
        raise DesignError("folding.order", show(folding.order), reason)
    if design.normed is not None:
        reason = (
            "must be 'score': gains, offsets and scales below zero are those of its accumulators"
        )
        raise DesignError("folding.order", show(folding.order), reason)
    if design.crossed:
        reason = "must be 'score': state order takes as many keys as queries"
        raise DesignError("folding.order", show(folding.order), reason)
    if design.chunk > 1:
        reason = "must be 'score': state order answers queries of one step at a time"
        raise DesignError("folding.order", show(folding.order), reason)
    if not all(part.has_state for part in design.parts):
        reason = (
            "must be 'score': a bias that is an arbitrary matrix over the pairs of tokens is not a "
            "function of the state"
        )
        raise DesignError("folding.order", show(folding.order), reason)


def _check_rows(design: AttentionKeys) -> None:
    """Refuse rows among which a membrane is read before the step before has written it.

    A row leaves while the one ``rows`` after it enters. With one pass a membrane is read up to
    2 slots after it left its row, unless it goes straight to the row that enters.
    """
    rows, tokens = design.rows, design.tokens
    if design.neuron == "none" or design.lanes < design.head_dim or tokens == rows:
        return
    least = min(2 * rows, rows + 3)
    if tokens < least:
        allowed = (
            f"must be at most {rows // 2}: with one pass and {rows} rows a chunk takes {rows} or "
            f"at least {least} tokens a step, not {tokens}, or a membrane is read before the step "
            "before has written it"
        )
        raise DesignError("folding.rows", show(rows), allowed)


def _check_spikes(design: AttentionKeys, order: str) -> None:
    spikes = show(design.folding.spikes)
    if order == "score":
        raise DesignError("folding.spikes", spikes, "spikes are counted in state order: must be 1")
    if set(design.similarities) != {PAIRS}:
        named = " or ".join(same_as(PAIRS))
        reason = f"has a meaning with similarity {named} only, not {design.similarity}: must be 1"
        raise DesignError("folding.spikes", spikes, reason)
    if design.biases:
        reason = "windows of a bias go by one spike a cycle: must be 1"
        raise DesignError("folding.spikes", spikes, reason)
    if design.neuron != "none" and len(set(design.thresholds_exact)) > 1:
        reason = "a scale a head goes by one spike a cycle: must be 1"
        raise DesignError("folding.spikes", spikes, reason)
    if design.folding.heads > 1:
        reason = "heads in parallel go by one spike a cycle: must be 1"
        raise DesignError("folding.spikes", spikes, reason)


def warn(design: AttentionKeys) -> tuple[str, ...]:
    """Return what is computed exactly but may not be what was meant."""
    return tuple(_warnings(design))


def _warnings(design: AttentionKeys) -> Iterator[str]:
    yield from _similarity_warnings(design)
    for part in design.parts:
        yield from part.warnings(design)
    gated = "gate" in SIMILARITIES[design.similarity].beside
    if design.gate is not None and (not gated or design.position):
        yield f"gate: with {_named(design)} is in no published model"
    if design.window is not None and design.window >= design.tokens:
        yield f"window: {design.window} leaves no token of {design.tokens} unseen"
    yield from neuron_warnings(design, ties=design.normed is None)
    if design.normed is not None:
        yield from offset_warnings(design.normed)


def _named(design: AttentionKeys) -> str:
    return " and ".join((design.similarity, *design.position))


def _similarity_warnings(design: AttentionKeys) -> Iterator[str]:
    if not SIMILARITIES[design.similarity].alpha:
        return
    if design.alpha_error:
        pairs = list(zip(design.alphas, design.alphas_exact, strict=True))
        head, (asked, exact) = max(enumerate(pairs), key=lambda item: abs(item[1][1] - item[1][0]))
        named = f" of head {head}" if isinstance(design.alpha, tuple) else ""
        yield (
            f"alpha: {float(asked):g}{named} is rounded to {design.kappas[head]}/"
            f"{1 << design.alpha_bits}, an error of {float(exact - asked):+g}"
        )
    ends = {0: "zero", 1 << design.alpha_bits: "one"}
    if len(set(design.kappas)) == 1 and design.kappas[0] in ends:
        for name in same_as(design.similarities[0]):
            yield f"alpha: {ends[design.kappas[0]]} is the similarity {name}, which costs less"
