"""Rows of spikes as the state order keeps them, restated from docs/cores/attention/state.rst."""

import numpy as np


def cut(bits, width):
    """Cut a row of bits into numbers of ``width`` bits, the first bit lowest, zeros at the end."""
    padded = [*map(int, bits), *[0] * (-len(bits) % width)]
    return [
        sum(bit << n for n, bit in enumerate(padded[first : first + width]))
        for first in range(0, len(padded), width)
    ]


def kept(rows, chunk):
    """List the chunks of a section that are kept: those with a spike, and what tells the rows."""
    entries = []
    for row, bits in enumerate(rows):
        first = True
        parts = cut(bits, chunk)
        for place, part in enumerate(parts):
            last_part = place == len(parts) - 1
            end = last_part and row == len(rows) - 1
            if part or end or (last_part and first):
                entries.append({"bits": part, "place": place, "first": first, "end": end})
                first = False
    return entries


def entries(k_rows, q_rows, chunk, *, ones=False):
    """List the chunks of a run: rows of k, with ``ones`` behind a row of all tokens, and of q."""
    keys = [[1] * len(k_rows[0])] * ones + list(k_rows)
    found = [*kept(keys, chunk), *kept(q_rows, chunk)]
    whole = -(-len(k_rows[0]) // chunk)
    for n, entry in enumerate(found):
        count = entry["bits"].bit_count()
        entry |= {"single": count <= 1, "empty": count == 0, "ones": ones and n < whole}
    return found


def pack(layout, entry):
    """Pack an entry as its layout says; flags that the layout has not are left out."""
    fields = {name: int(entry[name]) for name, _ in layout}
    return layout.const(fields).as_bits()


def by_head(x, heads):
    """Rearrange (T, N, D) to (H, T, N, d)."""
    steps, tokens, dim = x.shape
    return np.moveaxis(x.reshape(steps, tokens, heads, dim // heads), 2, 0)


def run_cycles(k_rows, q_rows, chunk, *, passes=1, reaches=(), ones=False, least=1):
    """Count the cycles of a run: a spike or an empty row each takes one, and seven a pass.

    Parameters
    ----------
    k_rows, q_rows : list of list of int
        Rows as they lie in memory, without that of all tokens.
    chunk : int
        Bits of a chunk.
    passes : int
        Passes.
    reaches : tuple of int
        Half-widths of the windows that move, in the shadow of all queries but the first.
    ones : bool
        Whether a row of all tokens comes first.
    least : int
        Cycles that a query takes at least, but for the last.
    """

    def beside(row):
        """The last chunk of all is kept, though another chunk of its row tells the row."""
        tail = len(row) - (-(-len(row) // chunk) - 1) * chunk
        return int(np.any(row) and not np.any(row[-tail:]))

    keys = [max(1, int(np.sum(row))) for row in k_rows]
    queries = [max(1, int(np.sum(row))) for row in q_rows]
    queries[-1] += beside(q_rows[-1])
    queries = [*(max(least, length) for length in queries[:-1]), queries[-1]]
    if reaches:
        queries[1:] = [max(2 * len(reaches) + 2, length) for length in queries[1:]]
    everyone = ones * len(k_rows[0])
    return passes * (7 + everyone + sum(keys) + beside(k_rows[-1]) + sum(queries))
