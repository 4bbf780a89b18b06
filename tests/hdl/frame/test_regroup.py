"""Rows in other beats, and streams in turn."""

import random

import pytest

from spikeloom.hdl.frame.regroup import Regroup, TakeTurns

from ...benches import receiver, sender, simulate


def cut(rows, beat):
    """Cut rows of bits into beats, low bit first."""
    return [
        sum(bit << n for n, bit in enumerate(row[at : at + beat]))
        for row in rows
        for at in range(0, len(row), beat)
    ]


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize(
    ("beat_in", "row_in", "beat_out", "row_out"),
    [
        *((8, 12, 8, 6), (8, 6, 8, 12), (8, 60, 8, 15), (8, 15, 8, 60), (8, 8, 8, 8)),
        *((4, 4, 16, 16), (16, 32, 4, 32), (1, 3, 8, 9), (8, 9, 1, 3), (2, 7, 8, 7), (8, 5, 2, 5)),
    ],
)
def test_rows_in_other_beats(beat_in, row_in, beat_out, row_out, stalls):
    draw = random.Random(row_in)
    bits = [draw.getrandbits(1) for _ in range(4 * max(row_in, row_out))]
    sides = [
        cut([bits[at : at + row] for at in range(0, len(bits), row)], beat)
        for row, beat in ((row_in, beat_in), (row_out, beat_out))
    ]
    # What a beat has beyond its row is not looked at.
    tail = (row_in - 1) % beat_in + 1
    beats = -(-row_in // beat_in)
    dirty = [
        beat | ((1 << beat_in) - (1 << tail) if n % beats == beats - 1 else 0)
        for n, beat in enumerate(sides[0])
    ]
    dut, found = Regroup(beat_in, row_in, beat_out, row_out), []
    simulate(
        dut,
        receiver(dut.o, found, len(sides[1]), stalls=stalls, seed=1),
        sender(dut.i, dirty, stalls=stalls),
    )
    assert [data for data, _ in found] == sides[1]


def test_last_goes_with_the_last_bit():
    dut, found = Regroup(8, 12, 8, 6), []

    async def send(ctx):
        for n in range(6):
            ctx.set(dut.i.payload.last, n == 3)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)

    simulate(dut, receiver(dut.o, found, 6), send)
    assert [last for _, last in found] == [0, 0, 0, 1, 0, 0]


def test_streams_take_turns():
    dut, found = TakeTurns(8, [2, 1]), []
    simulate(
        dut,
        receiver(dut.o, found, 9, stalls=0.3),
        sender(dut.i0, range(6), stalls=0.3, seed=1),
        sender(dut.i1, range(10, 13), stalls=0.3, seed=2),
    )
    assert [data for data, _ in found] == [0, 1, 10, 2, 3, 11, 4, 5, 12]


def test_refuses():
    with pytest.raises(ValueError, match=r"^Rows must be multiples, not 6 and 4$"):
        Regroup(8, 6, 8, 4)
    with pytest.raises(TypeError, match=r"^Beat in must be a positive integer, not 0$"):
        Regroup(0, 6, 8, 6)
    with pytest.raises(ValueError, match=r"^Counts must be of at least one stream$"):
        TakeTurns(8, [])
