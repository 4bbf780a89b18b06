"""The two orders of multiplication: what is read, what is added, what is kept."""

from xml.etree.ElementTree import Element

from blocks import Box, Diagram

__all__ = ["score", "state"]


def score() -> Element:
    """Draw the score engine: rows of queries that one key passes."""
    d = Diagram(740, 356)
    q = d.box(10, 40, 96, 46, "q", "a token", kind="memory")
    k = d.box(10, 116, 96, 46, "k", "a token", kind="memory")
    v = d.box(10, 222, 96, 46, "v", "lanes channels", kind="memory")
    rows: list[tuple[Box, Box, Box]] = []
    for n, name in enumerate(("row 0", "row 1", "last row")):
        x = 162 + 142 * n
        query = d.box(x, 40, 112, 46, "query", name)
        unit = d.box(x, 116, 112, 46, "similarity", "bias, clip")
        sums = d.box(x, 222, 112, 46, "accumulators", "one a lane")
        d.wire(query.bottom(), unit.top())
        d.wire(unit.bottom(), sums.top(), label="score", at=(x + 64, 192), anchor="start")
        rows.append((query, unit, sums))
    d.wire(q.right(), rows[0][0].left())
    d.wire(k.right(), rows[0][1].left(), label="all rows", at=(134, 152))
    d.wire(v.right(), rows[0][2].left(), label="all rows", at=(134, 258))
    for here, there in zip(rows, rows[1:], strict=False):
        for part in (0, 2):
            d.wire(here[part].right(), there[part].left())
        d.wire(here[1].right(), there[1].left(), kind="thin")
    d.text(162, 20, "in a shift slot queries move on by a row, and so do their sums",
           anchor="start", style="label")  # fmt: skip
    neurons = d.box(606, 222, 100, 46, "neurons", "one a lane")
    out = d.box(606, 116, 100, 46, "o", "spikes", kind="memory")
    membranes = d.box(304, 302, 112, 46, "membranes", "first value", kind="memory")
    d.wire(rows[-1][2].right(), neurons.left())
    d.wire(neurons.top(), out.bottom())
    d.wire(neurons.bottom(), (neurons.centre[0], membranes.centre[1]), membranes.right())
    first = rows[0][2]
    d.wire(membranes.left(), (first.centre[0], membranes.centre[1]), first.bottom())
    return d.svg


def state() -> Element:
    """Draw the state engine: the same accumulators for both halves, first keys and then queries."""
    d = Diagram(740, 300)
    chunks = d.box(10, 136, 96, 58, "k, q", "chunks with", "a spike", kind="memory")
    sequencer = d.box(142, 136, 92, 58, "sequencer", "a spike", "a cycle")
    v = d.box(300, 44, 112, 46, "v", "a row a token", kind="memory")
    store = d.box(300, 142, 112, 46, "state", "a row a channel", kind="memory")
    sums = d.box(520, 8, 112, 42, "sums of v", "but with and", kind="memory")
    lanes = d.box(520, 78, 112, 72, "accumulators", "one a lane")
    neurons = d.box(520, 240, 112, 46, "neurons", "one a lane")
    membranes = d.box(646, 172, 92, 40, "membranes", kind="memory")
    out = d.box(300, 240, 112, 46, "o", "spikes", kind="memory")
    d.wire(chunks.right(), sequencer.left())
    d.wire(sequencer.top(), (188, v.centre[1]), v.left(), kind="first")
    d.text(200, 56, "1  token", anchor="start", style="label")
    d.wire(sequencer.right(), store.left(), kind="second")
    d.text(239, 154, "2  channel", anchor="start", style="label")
    d.wire(v.right(), (460, v.centre[1]), (460, 96), lanes.left(0.25), kind="first")
    d.text(420, 56, "1  add", anchor="start", style="label")
    entry = store.right(0.25)
    d.wire(entry, (460, entry[1]), (460, 132), lanes.left(0.75), kind="second")
    d.text(420, 142, "2  add", anchor="start", style="label")
    back = store.right(0.75)
    d.wire(lanes.bottom(0.2), (lanes.bottom(0.2)[0], back[1]), back, kind="first")
    d.text(424, 190, "1  a finished row", anchor="start", style="label")
    d.wire(lanes.bottom(0.6), neurons.top(0.6), kind="second")
    d.text(580, 222, "2", anchor="end", style="label")
    d.wire(neurons.left(), out.right(), kind="second")
    d.wire(sums.bottom(), lanes.top(), kind="first")
    corner = membranes.top()[0]
    d.wire(membranes.top(), (corner, lanes.centre[1]), lanes.right(), kind="second")
    d.wire(neurons.right(), (corner, neurons.centre[1]), membranes.bottom(), kind="second")
    d.text(638, 104, "2  first value", anchor="start", style="label")
    return d.svg
