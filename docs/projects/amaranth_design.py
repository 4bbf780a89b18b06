"""An Amaranth design around an attention layer: a counter of spikes behind it, and a simulation."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.sim import Simulator

from spikeloom import Design, draw_spikes
from spikeloom.golden import model
from spikeloom.hdl import beat_stream, component

design = Design.from_dict(
    {
        "tokens": 8,
        "dim": 16,
        "heads": 2,
        "steps": 2,
        "similarity": "xnor",
        "folding": {"order": "state"},
    }
)
# end design


class SpikeCounter(wiring.Component):
    """A layer whose spikes are counted while they pass.

    Members
    -------
    i, o : In(stream), Out(stream)
        Beats of the layer.
    count : Out(16)
        Spikes since the reset.
    """

    def __init__(self, design):
        self.design = design
        stream = beat_stream(design.beat)
        super().__init__({"i": In(stream), "o": Out(stream), "count": Out(16)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.layer = layer = component(self.design)
        connect(m, flipped(self.i), layer.i)
        connect(m, layer.o, flipped(self.o))
        with m.If(self.o.valid & self.o.ready):
            data = self.o.payload.data
            m.d.sync += self.count.eq(self.count + sum(data[n] for n in range(len(data))))
        return m


# begin simulation
def simulate(design, arrays):
    """Send an inference through the counter; return the answer and the count."""
    golden = model(design)
    dut = SpikeCounter(design)
    beats, counts = [], []

    async def send(ctx):
        for beat in golden.pack(arrays).tolist():
            ctx.set(dut.i.payload.data, beat)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)

    async def receive(ctx):
        ctx.set(dut.o.ready, 1)
        for _ in range(golden.beats_out):
            (beat,) = await ctx.tick().sample(dut.o.payload.data).until(dut.o.valid)
            beats.append(beat)
        counts.append(ctx.get(dut.count))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(send)
    simulator.add_testbench(receive)
    simulator.run()
    return golden.unpack(beats), counts[0]


if __name__ == "__main__":
    spikes = draw_spikes(design, rate=0.3, seed=1)
    answer, count = simulate(design, spikes)
    assert (answer == model(design).answer(spikes)).all()
    assert count == answer.sum()
    print(f"{count} spikes, equal to the golden model")
# end simulation
