"""Output side of a projection: memory reads in, beats out."""

from amaranth.hdl import Cat, Module, Signal, Value

from spikeloom.hdl.frame.counting import odometer
from spikeloom.hdl.frame.unloader import Unloader

__all__ = ["ProjectionUnloader"]


class ProjectionUnloader(Unloader):
    """Send the words of a token as beats: a run is a token, and counted with its last word.

    Parameters and members are those of :class:`~spikeloom.hdl.frame.unloader.Unloader`.
    """

    def _walk(self, m: Module) -> tuple[Value, Value]:
        form = self.form
        word, run = Signal(range(form.words)), Signal(range(form.runs))
        complete, over = Signal(), Signal()
        m.d.comb += [
            self.addr.eq(Cat(word, self.bank)),
            complete.eq(odometer(m, self.en, (word, form.words))),
            over.eq(complete & (run == form.runs - 1)),
        ]
        odometer(m, complete, (run, form.runs))
        m.d.sync += self.free.eq(complete)
        return complete, over
