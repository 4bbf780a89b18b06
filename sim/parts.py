"""CXXRTL's C++ of a netlist in parts that a compiler gets through.

Yosys writes what a module computes in a cycle as one function. That of a whole network's netlist
has some ten thousand statements, and the time that optimising compilers take grows with its square.
"""

import re

__all__ = ["in_parts"]

_HEAD = "bool p_dut::eval(performer *performer) {\n"
_DECLARED = "\tbool eval(performer *performer = nullptr) override;\n"
_LOCAL = re.compile(r"\tvalue<\d+> \w+;")
_FLAG = re.compile(r"\tbool (\w+) = .*;")


def in_parts(source: str, lines: int = 60, long: int = 4_000) -> str:
    """Divide ``eval`` of the module ``dut`` into functions of about so many lines.

    Its local variables become members, under the names that they have: no others are like them.

    Parameters
    ----------
    source : str
        What ``write_cxxrtl`` wrote. Without that function, or with one that is short, it stays as
        it is.
    lines : int
        Lines of a part, at least 1; a statement is never divided.
    long : int
        Lines from which on it is divided.
    """
    before, head, rest = source.partition(_HEAD)
    body, end, after = rest.partition("\n}\n")
    if not (head and end and _DECLARED in before) or body.count("\n") < long:
        return source
    every = body.split("\n")
    local = [line for line in every if _LOCAL.fullmatch(line)]
    kept = [line for line in every if not _LOCAL.fullmatch(line)]
    # Each cell begins with a comment of one tab; what stands in front of the first, and the last
    # line, which returns, remain in the function itself.
    first = next(n for n, line in enumerate(kept) if line.startswith("\t// "))
    parts = [""]
    for line in kept[first:-1]:
        if line.startswith("\t// ") and parts[-1].count("\n") >= lines:
            parts.append("")
        parts[-1] += f"{line}\n"
    flags = [found[1] for line in kept[:first] if (found := _FLAG.fullmatch(line))]
    taken = ", ".join([*(f"bool &{flag}" for flag in flags), "performer *performer"])
    passed = ", ".join([*flags, "performer"])
    names = [f"eval_{n}" for n in range(len(parts))]
    members = [*local, *(f"\tvoid {name}({taken});" for name in names)]
    functions = (
        f"__attribute__((noinline)) void p_dut::{name}({taken}) {{\n{part}}}\n\n"
        for name, part in zip(names, parts, strict=True)
    )
    calls = [f"\t{name}({passed});" for name in names]
    whole = "\n".join([*kept[:first], *calls, kept[-1]])
    declared = before.replace(_DECLARED, "\n".join(members) + "\n" + _DECLARED)
    return "".join([declared, *functions, head, whole, end, after])
