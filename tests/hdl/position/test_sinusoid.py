import itertools
import json

import pytest

from spikeloom.golden.position.sinusoid import quantized, spikes
from spikeloom.hdl.position.sinusoid import SinusoidTable
from spikeloom.sim.benches.units import CASE
from spikeloom.sim.rows import run
from spikeloom.sim.runner import run_bench


@pytest.mark.parametrize("rom_style", ["block", "logic"])
@pytest.mark.parametrize(
    ("tokens", "dim", "bits", "lanes"),
    [(1, 1, 0, 1), (32, 64, 0, 64), (5, 7, 3, 2), (12, 6, 8, 1), (9, 10, 0, 4), (3, 4, 16, 4)],
)
def test_every_word(tokens, dim, bits, lanes, rom_style):
    dut = SinusoidTable(tokens, dim, bits=bits, lanes=lanes, rom_style=rom_style)
    table = quantized(tokens, dim, bits) if bits else spikes(tokens, dim)
    pairs = list(itertools.product(range(tokens), range(dut.words)))
    got = run(dut, [{"token": t, "word": n} for t, n in pairs], latency=dut.latency)
    size = max(1, bits)
    for (t, n), word in zip(pairs, got, strict=True):
        for lane in range(lanes):
            channel = n * lanes + lane
            want = table[t, channel] if channel < dim else 0
            assert word >> size * lane & (1 << size) - 1 == want


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rom_style": "both"}, r'ROM style must be "block" or "logic", not \'both\''),
        ({"lanes": 0}, "Lanes must be a positive integer, not 0"),
        ({"bits": -1}, "Bits must be an integer of at least 0, not -1"),
        ({"bits": 17}, "Bits must be an integer from 1 to 16, not 17"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        SinusoidTable(4, 4, **options)


@pytest.mark.cocotb
@pytest.mark.parametrize(("bits", "lanes"), [(0, 8), (4, 1)])
def test_verilog(tmp_path, event_simulator, bits, lanes):
    case = {"tokens": 12, "dim": 20, "bits": bits, "lanes": lanes}
    run_bench(
        SinusoidTable(**case),
        "spikeloom.sim.benches.sinusoid",
        work=tmp_path,
        simulator=event_simulator,
        environment={CASE: json.dumps(case)},
    )
