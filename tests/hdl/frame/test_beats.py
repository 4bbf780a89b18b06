"""The stream that every layer has: its bits lie as AXI4-Stream's data and last."""

import pytest
from amaranth.hdl import Value

from spikeloom.hdl.frame.beats import beat_stream


@pytest.mark.parametrize("width", [1, 8, 64])
def test_last_lies_above_the_data(width):
    port = beat_stream(width).create(path=("i",))
    assert len(port.payload.data) == width
    assert len(port.payload.last) == 1
    assert len(Value.cast(port.payload)) == width + 1
    assert beat_stream(width).members["payload"].shape["last"].offset == width
