"""Progress of a command, on standard error: what is done, since when, and for how much longer."""

import hashlib
import json
import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from spikeloom.commands.terminal import has_colour, is_terminal

__all__ = ["Progress", "say"]

# Seconds between two looks at the clock: of a terminal, and of a log that is read later.
_TICK, _HEARTBEAT = 0.5, 30.0
# Runs that are remembered.
_KEPT = 200


def say(line: str) -> None:
    """Report progress of what takes no time."""
    print(line, file=sys.stderr, flush=True)


class Progress:
    """Lines of progress, each of which begins a stage that lasts until the next one.

    A terminal shows the stage at work with the time that it has taken, and about how much is left
    of the whole, and then what each stage took. Elsewhere a line is printed when its stage begins,
    and one more every half minute. What is left is guessed from the last run of the same work, or
    else of the same kind, and from how much slower or faster this one has been so far.

    Parameters
    ----------
    memory : Path or None
        File in which runs are remembered; what cannot be read or written is forgotten.
    kind : str
        Runs of one kind have the same stages.
    work : object
        What the run does, as JSON: the same work is remembered as the same.
    stream : TextIO or None
        Where to write; by default standard error.
    clock : callable
        Gives the time in seconds.
    """

    def __init__(
        self,
        memory: Path | None,
        kind: str,
        work: Any,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._memory = memory
        self._kind = kind
        text = json.dumps(work, sort_keys=True, default=str)
        self._work = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._stream = sys.stderr if stream is None else stream
        self._live = is_terminal(self._stream)
        self._colour = has_colour(self._stream)
        self._clock = clock
        self._begin = clock()
        self._before = self._recall()
        self._times: list[float] = []
        self._stage = ""
        self._told = self._begin
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._watch.join()
        with self._lock:
            self._end_stage()
        if kind is None:
            self._remember()

    def __call__(self, line: str) -> None:
        """Begin a stage; may be called by any thread."""
        with self._lock:
            self._end_stage()
            self._stage = line
            self._told = self._clock()
            self._times.append(self._told - self._begin)
            self._write("" if self._live else f"{line}\n")
        self.look()

    def look(self) -> None:
        """Show how it goes; called now and then."""
        with self._lock:
            now = self._clock()
            if not self._stage or not (self._live or now - self._told >= _HEARTBEAT):
                return
            left = self._left(now)
            since = _minutes(now - self._begin - self._times[-1])
            rest = "" if left is None else f", about {_minutes(left)} left"
            if self._live:
                told = f"{since}{rest}"
                # A line that wraps could not be written anew.
                room = shutil.get_terminal_size().columns - len(told) - 2
                self._write(f"\r\x1b[K{self._stage[: max(room, 0)]} {self._dim(told)}")
            else:
                self._told = now
                self._write(f"{self._stage}: {since} so far{rest}\n")

    def _look(self) -> None:
        while not self._done.wait(_TICK if self._live else 1.0):
            self.look()

    def _end_stage(self) -> None:
        if self._live and self._stage:
            took = self._clock() - self._begin - self._times[-1]
            # What took less than a second is no news.
            time_text = f" {self._dim(_minutes(took))}" if took >= 1 else ""
            self._write(f"\r\x1b[K{self._stage}{time_text}\n")
        self._stage = ""

    def _left(self, now: float) -> float | None:
        """Estimate the seconds that are left of the whole, from an earlier run."""
        place = len(self._times) - 1
        if self._before is None or place >= len(self._before) - 1:
            return None
        then = self._before[place]
        # So far means until this stage began: too short a time tells no ratio.
        ratio = self._times[place] / then if then >= 1 else 1.0
        spent = now - self._begin - self._times[place]
        return max(0.0, ratio * (self._before[-1] - then) - spent)

    def _recall(self) -> list[float] | None:
        """Return when the stages of an earlier run began, and last when it ended."""
        runs = self._runs()
        found = runs.get(self._work, runs.get(self._kind))
        return found if isinstance(found, list) and found else None

    def _runs(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            if self._memory is not None:
                found = json.loads(self._memory.read_text(encoding="utf-8"))
                return found if isinstance(found, dict) else {}
        return {}

    def _remember(self) -> None:
        if self._memory is None or not self._times:
            return
        runs = self._runs()
        times = [round(t, 2) for t in (*self._times, self._clock() - self._begin)]
        for key in (self._kind, self._work):
            # Last in the order of the file, of which the first are dropped.
            runs.pop(key, None)
            runs[key] = times
        kept = dict([*runs.items()][-_KEPT:])
        with suppress(OSError):
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            self._memory.write_text(json.dumps(kept), encoding="utf-8")

    def _dim(self, text: str) -> str:
        return f"\x1b[2m{text}\x1b[0m" if self._colour else text

    def _write(self, text: str) -> None:
        if text:
            self._stream.write(text)
            self._stream.flush()


def _minutes(seconds: float) -> str:
    """Write a time as minutes and seconds.

    >>> _minutes(75.4)
    '1:15'
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
