"""Progress: plain lines in a log, time in a terminal."""

import io
import json

import pytest

from spikeloom.commands.progress import Progress

LINES = ["generate", "synthesize", "place"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def work(memory, stream, seconds=(2, 20, 40), name="a"):
    """Run three stages; look at the clock in the middle of each."""
    clock = Clock()
    with Progress(memory, "build", name, stream=stream, clock=clock) as progress:
        for line, took in zip(LINES, seconds, strict=True):
            progress(line)
            clock.now += took / 2
            progress.look()
            clock.now += took / 2
    return stream.getvalue()


def test_a_log_has_a_line_a_stage(tmp_path):
    assert work(None, io.StringIO()).splitlines() == LINES


def test_a_log_is_told_that_long_work_goes_on():
    said = work(None, io.StringIO(), (2, 20, 90))
    assert said.splitlines() == [*LINES, "place: 0:45 so far"]
    assert "\x1b" not in said


@pytest.mark.parametrize("name", ["a", "b"])
def test_what_is_left_is_guessed_from_the_last_run(name, tmp_path):
    memory = tmp_path / "none" / "times.json"
    work(memory, io.StringIO())
    # Twice as slow.
    said = work(memory, io.StringIO(), (4, 80, 80), name)
    # At half of 80 s: 2 * (62 - 2) - 40 are left; then 84 s have gone where 22 had.
    assert said.splitlines() == [
        *LINES[:2],
        "synthesize: 0:40 so far, about 1:20 left",
        LINES[2],
        "place: 0:40 so far, about 1:52 left",
    ]


def test_a_terminal_shows_time(tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    memory = tmp_path / "times.json"
    work(memory, io.StringIO())
    said = work(memory, Terminal())
    assert "\r\x1b[Ksynthesize \x1b[2m0:10, about 0:50 left\x1b[0m" in said
    monkeypatch.setenv("COLUMNS", "30")
    narrow = work(memory, Terminal())
    assert "\r\x1b[Ksynthes \x1b[2m0:10, about 0:50 left\x1b[0m" in narrow
    # What stays when its stage is over.
    assert "\r\x1b[Ksynthesize \x1b[2m0:20\x1b[0m\n" in said
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[2m" not in work(memory, Terminal())
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in work(memory, Terminal())


def test_a_run_that_failed_is_not_remembered(tmp_path):
    memory = tmp_path / "times.json"
    clock = Clock()
    with pytest.raises(KeyError), Progress(memory, "build", 1, stream=io.StringIO(), clock=clock):
        raise KeyError
    assert not memory.exists()


@pytest.mark.parametrize("text", ["", "[]", '{"build": 3}', '{"build": []}'])
def test_a_damaged_memory_is_none(text, tmp_path):
    memory = tmp_path / "times.json"
    memory.write_text(text)
    assert work(memory, io.StringIO()).splitlines() == LINES
    assert json.loads(memory.read_text())["build"] == [0.0, 2.0, 22.0, 62.0]


def test_a_memory_that_cannot_be_written_is_none(tmp_path):
    (tmp_path / "file").write_text("")
    assert work(tmp_path / "file" / "x", io.StringIO()).splitlines() == LINES
