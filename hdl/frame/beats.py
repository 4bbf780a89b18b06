"""The beat: what every layer's streams carry."""

from amaranth.lib import data, stream

__all__ = ["beat_stream"]


def beat_stream(width: int) -> stream.Signature:
    """Describe a stream of beats: AXI4-Stream's tdata, tlast, tvalid and tready.

    Parameters
    ----------
    width : int
        Data bits a beat.
    """
    return stream.Signature(data.StructLayout({"data": width, "last": 1}))
