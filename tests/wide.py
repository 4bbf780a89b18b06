"""Memories of the layer that takes several spikes a cycle, restated from its documentation."""

import numpy as np

from .chunks import cut


def code_rows(design, q, k, code):
    """Put a code beside q and k, behind zeros up to a whole beat."""
    lack = np.zeros((len(q), -design.head_dim % design.beat), dtype=int)
    return tuple(np.hstack([x, lack, code]) for x in (q, k))


def keys(plan, k, v, bank):
    """Words of k by address, and of v by port and address, for rows of k over the tokens."""
    wide = (plan.key_words - 1).bit_length()
    tall = (plan.places - 1).bit_length()
    words = {
        column | row << wide | bank << wide + tall: word
        for row, bits in enumerate(k)
        for column, word in enumerate(cut(bits, plan.span))
    }
    deep = (plan.key_words * plan.reach - 1).bit_length()
    across = (plan.v.words - 1).bit_length()
    values = [{} for _ in range(plan.ports)]
    for token, row in enumerate(v):
        for place, word in enumerate(cut(row, plan.v_width)):
            row_of_port, port = divmod(token, plan.ports)
            values[port][place | row_of_port << across | bank << across + deep] = word
    return words, values


def queries(plan, q, bank):
    """Words of q by address."""
    wide = (plan.query_words - 1).bit_length()
    tall = (plan.tokens - 1).bit_length()
    return {
        column | token << wide | bank << wide + tall: word
        for token, bits in enumerate(q)
        for column, word in enumerate(cut(bits, plan.span))
    }
