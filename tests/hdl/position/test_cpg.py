import pytest

from spikeloom.golden.position.cpg import code_words
from spikeloom.hdl.position.cpg import CpgRom
from spikeloom.sim.rows import run


@pytest.mark.parametrize("rom_style", ["block", "logic"])
@pytest.mark.parametrize(
    ("positions", "neurons", "w_max"),
    [(1, 1, 10_000), (2, 3, 10_000), (48, 10, 1000), (128, 10, 10_000), (672, 11, 10_000)],
)
def test_every_position_up_and_down(positions, neurons, w_max, rom_style):
    dut = CpgRom(positions, neurons, w_max, rom_style=rom_style)
    words = code_words(positions, neurons, w_max)
    order = [*range(positions), *reversed(range(positions))]
    got = run(dut, [{"position": p} for p in order], latency=dut.latency)
    assert got == [words[p] for p in order]


def test_attributes():
    dut = CpgRom(12, 9, 1000, rom_style="logic")
    assert (dut.positions, dut.neurons, dut.w_max, dut.rom_style) == (12, 9, 1000, "logic")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"positions": 0, "neurons": 2}, r"Positions must be an integer from 1 to 50000, not 0"),
        ({"positions": 1, "neurons": 0}, r"Neurons must be a positive integer, not 0"),
        (
            {"positions": 1, "neurons": 1, "rom_style": "auto"},
            r'ROM style must be "block" or "logic", not \'auto\'',
        ),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        CpgRom(**arguments)
