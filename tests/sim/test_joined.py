"""The generated Verilog of layers that are joined: a projection, a reordering, attention."""

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.generating import generate
from spikeloom.golden.kinds import model
from spikeloom.linking import link, read_sides, to_toml
from spikeloom.sim.events import run_events
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import Stimulus

SHAPE = {"tokens": 6, "steps": 3}
DIM = 12
TOP = """
module top(input clk, input rst,
    input [7:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready, input s_axis_tlast,
    output [7:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready, output m_axis_tlast,
    output busy);
  wire [7:0] a_data, b_data;
  wire a_valid, a_ready, a_last, b_valid, b_ready, b_last;
  projection first(.clk(clk), .rst(rst), .s_axis_tdata(s_axis_tdata),
    .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready), .s_axis_tlast(s_axis_tlast),
    .m_axis_tdata(a_data), .m_axis_tvalid(a_valid), .m_axis_tready(a_ready),
    .m_axis_tlast(a_last), .busy());
  reorder middle(.clk(clk), .rst(rst), .s_axis_tdata(a_data), .s_axis_tvalid(a_valid),
    .s_axis_tready(a_ready), .s_axis_tlast(a_last), .m_axis_tdata(b_data),
    .m_axis_tvalid(b_valid), .m_axis_tready(b_ready), .m_axis_tlast(b_last), .busy());
  attend last(.clk(clk), .rst(rst), .s_axis_tdata(b_data), .s_axis_tvalid(b_valid),
    .s_axis_tready(b_ready), .s_axis_tlast(b_last), .m_axis_tdata(m_axis_tdata),
    .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready), .m_axis_tlast(m_axis_tlast),
    .busy(busy));
endmodule
"""


@pytest.mark.cocotb
@pytest.mark.parametrize("order", ["state", "score"])
def test_link_writes_what_joins_a_projection_to_attention(order, tmp_path, event_simulator):
    """What ``link`` writes from two manifests makes three modules one network."""
    weights = np.random.default_rng(7).integers(-3, 4, (3 * DIM, 5)).tolist()
    first = Design.from_dict(
        {"kind": "projection", **SHAPE, "name": "projection", "inputs": 5, "dim": 3 * DIM,
         "weights": {"values": weights, "bits": 4}, "threshold": 2}
    )  # fmt: skip
    last = Design.from_dict(
        {**SHAPE, "name": "attend", "dim": DIM, "heads": 2, "threshold": 1, "scale": 1,
         "folding": {"order": order}}
    )  # fmt: skip
    for design in (first, last):
        generate(design, tmp_path)
    found = link(
        [read_sides(tmp_path / "projection.json")[1]], read_sides(tmp_path / "attend.json")[0]
    )
    (tmp_path / "reorder.toml").write_text(to_toml(found.reorder))
    middle = Design.from_file(tmp_path / "reorder.toml")
    generate(middle, tmp_path)
    parts = [(tmp_path / f"{name}.v").read_text() for name in ("projection", "reorder", "attend")]

    inputs = [draw_spikes(first, rate=0.6, seed=n) for n in range(3)]
    want = []
    for arrays in inputs:
        x = model(middle).answer({"x": model(first).answer(arrays)})
        q, k, v = (x[..., n * DIM : n * DIM + DIM] for n in range(3))
        want.append(model(last).answer({"q": q, "k": k, "v": v}))
    assert all(spikes.any() and not spikes.all() for spikes in want)
    beats = np.stack([model(first).pack(arrays) for arrays in inputs])
    stimulus = Stimulus(beats, model(last).beats_out, stalls=0.3, seed=1, patience=5000)
    traffic = run_events("\n".join([*parts, TOP]), stimulus, simulator=event_simulator)
    for frame, spikes in zip(traffic.frames, want, strict=True):
        assert (model(last).unpack(frame) == spikes).all()
