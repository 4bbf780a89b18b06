"""CXXRTL's C++ in parts: no statement is lost, and what is compiled gives the same answers."""

from functools import partial

import pytest

from spikeloom.sim import cxxrtl
from spikeloom.sim.parts import in_parts

from ..networks.draws import make
from ..networks.rtl import check, compiled

SOURCE = """\
struct p_dut : public module {
	wire<1> p_q;
	bool eval(performer *performer = nullptr) override;
};

bool p_dut::eval(performer *performer) {
	bool converged = true;
	bool posedge_p_clk = this->posedge_p_clk();
	value<1> i_a;
	value<12> i_b;
	// cell one
	i_a = p_q.curr;
	// cells two
	i_b = i_a.repeat<12>();
	// cell three
	if (posedge_p_clk) {
		p_q.next = i_a;
	}
	return converged;
}

void other();
"""


def test_in_parts():
    found = in_parts(SOURCE, lines=3, long=1)
    start = "bool p_dut::eval(performer *performer) {"
    parts = found[: found.index(start)].split("__attribute__")[1:]
    assert len(parts) == 2
    statements = SOURCE[SOURCE.index("\t// cell one") :].split("\n")[:8]
    lines = [line for part in parts for line in part.split("\n")[1:]]
    assert [line for line in lines if line.startswith("\t")] == statements
    declared = found[: found.index("bool eval(")]
    for name in ("value<1> i_a;", "value<12> i_b;", "void eval_0(", "void eval_1("):
        assert name in declared
    body = found[found.index(start) :]
    assert body.count("(converged, posedge_p_clk, performer);") == 2
    assert body.endswith("\treturn converged;\n}\n\nvoid other();\n")


@pytest.mark.parametrize("source", [SOURCE, "", "void other();\n", SOURCE.replace("dut", "top")])
def test_stays_as_it_is(source):
    """What is short, and what is no such source."""
    assert in_parts(source) == source
    if "p_dut::eval" not in source:
        assert in_parts(source, 1, 1) == source


def test_compiled_in_parts(monkeypatch, tmp_path):
    monkeypatch.setenv("SPIKELOOM_CACHE", str(tmp_path))
    divided = []

    def small(source):
        found = partial(in_parts, lines=30, long=1)(source)
        divided.append(found.count("void p_dut::eval_"))
        return found

    monkeypatch.setattr(cxxrtl, "in_parts", small)
    design = make(3)
    check(design, [5, 1, 3], machine=compiled(design))
    assert divided[0] > 10
