"""Networks in SPRAM: loaded over the stream, loaded again, and sent frames that are wrong."""

import numpy as np
import pytest

from spikeloom.golden.kinds import model
from spikeloom.golden.network import trace
from spikeloom.hdl.kinds import asked

from ...networks.draws import block, draw_input, make
from ...networks.rtl import check, compiled, frame, send


@pytest.fixture(scope="module")
def design():
    return make(dim=8, blocks=[block(hidden=6)], folding={"weights": "spram"})


@pytest.fixture(scope="module")
def machine(design):
    return compiled(design)


def program(design, how="good"):
    """Give the frame that loads the program of a network, or one with a fault."""
    (whole,) = asked(design).preamble
    beats = whole.tolist()
    if how == "crc":
        beats[-1] ^= 0x8000
    elif how == "few":
        del beats[5]
    elif how == "many":
        beats.insert(5, 3)
    elif how == "flipped":
        beats[len(beats) // 2] ^= 0x10
    elif how == "short":
        beats = beats[:2]
    elif how == "command":
        beats = beats[:1]
    return np.array(beats, np.uint64)


def answers(design, machine, frames, **options):
    """Send frames; give for each its status and its numbers."""
    beats, _ = send(design, frames, machine=machine, **options)
    found = []
    for answer in beats:
        status, fields = int(answer[0]), answer.copy()
        fields[0] = 1
        found.append((status, model(design).unpack(fields).tolist()))
    return found


def wanted(design, x):
    return 1, trace(design, x).logits.tolist()


REFUSED, LOADED = (0, [0, 0, 0]), (1, [0, 0, 0])


def test_loaded_once_and_run_at_any_length(design, machine):
    check(design, [5, 1, 3, 4, 2, 5], machine=machine)
    check(design, [2, 5, 5, 1], machine=machine, stalls=0.4, seed=7)


def test_nothing_is_computed_before_a_program_is_there(design, machine):
    x = [draw_input(design, n, 3) for n in range(2)]
    frames = [frame(design, x[0]), frame(design, x[0]), program(design), frame(design, x[1])]
    assert answers(design, machine, frames) == [REFUSED, REFUSED, LOADED, wanted(design, x[1])]


@pytest.mark.parametrize("how", ["crc", "few", "many", "flipped", "short"])
def test_broken_programs(design, machine, how):
    x = draw_input(design, 4)
    frames = [program(design, how), frame(design, x), program(design), frame(design, x)]
    for stalls in (0.0, 0.3):
        found = answers(design, machine, frames, stalls=stalls)
        assert found == [REFUSED, REFUSED, LOADED, wanted(design, x)]


@pytest.mark.parametrize("how", ["good", "crc", "few"])
def test_what_was_sent_before_is_computed_before_it_is_loaded_again(design, machine, how):
    x = [draw_input(design, n) for n in range(3)]
    own = [frame(design, one) for one in x]
    frames = [program(design), own[0], program(design, how), own[1], program(design), own[2]]
    first, last = wanted(design, x[0]), wanted(design, x[2])
    middle = [LOADED, wanted(design, x[1])] if how == "good" else [REFUSED, REFUSED]
    assert answers(design, machine, frames) == [LOADED, first, *middle, LOADED, last]


def test_load_frames_of_a_command_alone(design, machine):
    x = draw_input(design, 2)
    frames = [program(design, "command"), program(design), frame(design, x)]
    assert answers(design, machine, frames) == [REFUSED, LOADED, wanted(design, x)]


def test_frames_that_are_too_long(design, machine):
    x = [draw_input(design, n) for n in range(3)]
    own = [frame(design, one) for one in x]
    for more in (1, 4, 5, 200):
        long = np.concatenate([own[1], np.full(more, 0x5555, np.uint64)])
        frames = [program(design), own[0], long, own[2], own[0]]
        found = answers(design, machine, frames)
        assert found == [LOADED, *(wanted(design, x[n]) for n in (0, 1, 2, 0))]


def test_frames_that_end_early(design, machine):
    """Inside of a token: answered with something, and those behind it as if it had not been."""
    x = [draw_input(design, n) for n in range(2)]
    own = [frame(design, one) for one in x]
    for count in (2, 3, 4, 6, 12):
        frames = [program(design), own[0], own[1][:count], own[1], own[0]]
        found = answers(design, machine, frames)
        assert found[:2] == [LOADED, wanted(design, x[0])]
        assert found[2][0] == 1
        assert found[3:] == [wanted(design, x[1]), wanted(design, x[0])]


def test_run_frames_of_a_command_alone(design, machine):
    x, nothing = draw_input(design, 2), np.zeros(1, np.uint64)
    own = frame(design, x)
    frames = [nothing, program(design), own, nothing, own, own, nothing, nothing, own]
    want = wanted(design, x)
    found = answers(design, machine, frames)
    assert found == [REFUSED, LOADED, want, LOADED, want, want, LOADED, LOADED, want]
