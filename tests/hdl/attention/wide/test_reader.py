"""The reader of rows: against the places of the spikes of every port."""

import random

import pytest

from spikeloom.hdl.attention.wide.reader import RowReader

from ....benches import LIMIT, serve, simulate, tick

NAMES = "spikes places first last done"


def slots(rows, span, ports):
    """List the slots of rows of words: (first, last, place of each port's spike or None)."""
    found = []
    for words in rows:
        row = []
        for column, word in enumerate(words):
            ones = [
                [n for n in range(span // ports) if word >> n * ports + p & 1] for p in range(ports)
            ]
            for slot in range(max(1, *map(len, ones))):
                offset = column * (span // ports)
                row.append(
                    [offset + spikes[slot] if slot < len(spikes) else None for spikes in ones]
                )
        found += [(n == 0, n == len(row) - 1, places) for n, places in enumerate(row)]
    return found


@pytest.mark.parametrize(
    ("rows", "words", "span", "ports"),
    [(1, 1, 2, 2), (3, 1, 8, 2), (4, 2, 16, 4), (5, 3, 8, 8), (2, 3, 16, 1), (7, 4, 4, 2)],
)
def test_slot_by_slot(rows, words, span, ports):
    dut = RowReader(rows, words, banks=2, span=span, ports=ports)
    assert (dut.rows, dut.words) == (rows, words)
    draw = random.Random(span)
    wide, tall = (words - 1).bit_length(), (rows - 1).bit_length()
    stored = {}

    async def bench(ctx):
        for bank, rate in ((0, 0.4), (1, 0.0), (0, 1.0), (1, 0.1), (0, 0.6)):
            bits = [
                [sum((draw.random() < rate) << n for n in range(span)) for _ in range(words)]
                for _ in range(rows)
            ]
            for row, column in ((r, c) for r in range(rows) for c in range(words)):
                stored[column | row << wide | bank << wide + tall] = bits[row][column]
            for _ in range(draw.randrange(3)):
                now = await tick(ctx, dut, NAMES)
                assert now.done
                assert not now.spikes
                assert not now.last
            ctx.set(dut.bank, bank)
            ctx.set(dut.start, 1)
            await tick(ctx, dut, NAMES)
            ctx.set(dut.start, 0)
            found = []
            for _ in range(LIMIT):
                now = await tick(ctx, dut, NAMES)
                at = [now.places[p] if now.spikes >> p & 1 else None for p in range(ports)]
                found.append((bool(now.first), bool(now.last), at))
                if now.done:
                    break
            # The first slot comes three cycles after the start, and none is lost behind it.
            assert not any(any(slot[:2]) or slot[2] != [None] * ports for slot in found[:2])
            assert found[2:] == slots(bits, span, ports)

    simulate(dut, bench, serve(dut.addr, dut.word, stored, en=dut.en))
