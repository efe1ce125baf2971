"""Shows how far files are: a bar for each of a few, one bar for many, lines if there is no terminal."""

import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from rollcall.cli.submissions import Progress, Stage
from rollcall.contracts.shown_text import printable

LINE_SECONDS = 1.0  # between two lines that differ in a count only
SUMMARY_SECONDS = 10.0  # between two lines about many files
FEW = 15  # files that each have a bar or lines of their own
RATE_SECONDS = 60.0  # how far back the rate looks
LEAST_SECONDS, LEAST_ANSWERS = 5.0, 5  # before a rate means anything
SECONDS_PER_MINUTE = 60

# about the share of the whole that is behind a file when it reaches a stage
_REACHED = {
    "uploading": 0.0,
    "splitting": 0.05,
    "recognizing": 0.15,
    "looking up": 0.9,
    "fetching": 0.95,
    "done": 1.0,
    "failed": 1.0,
}


class LineProgress:
    """One line for each change of stage, and at most about one a second for counts."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown: dict[str, Stage] = {}
        self._last_count = 0.0

    def update(self, key: str, stage: Stage) -> None:
        shown = self._shown.get(key)
        if stage == shown:
            return
        now = time.monotonic()
        if shown is not None and shown.name == stage.name:
            if now - self._last_count < LINE_SECONDS:
                return
            self._last_count = now
        self._shown[key] = stage
        print(f"{printable(key)}: {stage}", file=self._stream, flush=True)


class BarProgress:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def update(self, key: str, stage: Stage) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(printable(key), total=1.0, stage="")
        share = _REACHED[stage.name]
        if stage.total:
            share += (_REACHED["looking up"] - share) * stage.done / stage.total
        self._bars.update(self._tasks[key], completed=share, stage=str(stage))


class Tally:
    """How many of all files have reached their end, how fast, and how long the others will take at that rate."""

    def __init__(self, total: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = total
        self._clock = clock
        self._first_end: float | None = None
        self._stages: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._ends: deque[float] = deque()

    @property
    def ended(self) -> int:
        return self._counts["done"] + self._counts["failed"]

    def update(self, key: str, stage: Stage) -> bool:
        """Whether the file has ended with this change."""
        before = self._stages.get(key)
        if before == stage.name:
            return False
        if before is not None:
            self._counts[before] -= 1
        self._stages[key] = stage.name
        self._counts[stage.name] += 1
        if stage.finished:
            self._ends.append(self._clock())
            self._first_end = self._first_end or self._ends[0]
        return stage.finished

    def __str__(self) -> str:
        failed = f", {self._counts['failed']:,} failed" if self._counts["failed"] else ""
        return f"{self.ended:,} of {self.total:,} files{failed}{self._outlook()}"

    def _outlook(self) -> str:
        if self._first_end is None or self.ended == self.total:
            return ""
        now = self._clock()
        since = max(now - RATE_SECONDS, self._first_end)  # what comes before the first answer is no measure
        while self._ends and self._ends[0] <= since:
            self._ends.popleft()
        if now - since < LEAST_SECONDS or len(self._ends) < LEAST_ANSWERS:
            return ""
        rate = len(self._ends) / (now - since)
        return f"; {rate * SECONDS_PER_MINUTE:.0f} a minute, about {_duration((self.total - self.ended) / rate)} left"


class SummaryLines:
    def __init__(self, stream: TextIO, tally: Tally, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._tally = tally
        self._clock = clock
        self._next = clock() + SUMMARY_SECONDS

    def update(self, key: str, stage: Stage) -> None:
        ended = self._tally.update(key, stage)
        if stage.name == "failed" and ended:
            print(f"{printable(key)}: failed", file=self._stream, flush=True)
        if self._clock() >= self._next or (ended and self._tally.ended == self._tally.total):
            self._next = self._clock() + SUMMARY_SECONDS
            print(self._tally, file=self._stream, flush=True)


class SummaryBar:
    def __init__(self, bars: Bars, tally: Tally) -> None:
        self._bars = bars
        self._tally = tally
        self._task = bars.add_task("files", total=tally.total, stage="")

    def update(self, key: str, stage: Stage) -> None:
        self._tally.update(key, stage)
        self._bars.update(self._task, completed=self._tally.ended, stage=str(self._tally))


@contextmanager
def show_progress(files: int, stream: TextIO = sys.stderr) -> Iterator[Progress]:
    if not stream.isatty():
        yield LineProgress(stream) if files <= FEW else SummaryLines(stream, Tally(files))
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[stage]}", markup=False),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(file=stream)) as bars:
        yield BarProgress(bars) if files <= FEW else SummaryBar(bars, Tally(files))


def _duration(seconds: float) -> str:
    if seconds < 2 * SECONDS_PER_MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / SECONDS_PER_MINUTE)
    return f"{minutes} min" if minutes < 2 * SECONDS_PER_MINUTE else f"{minutes / SECONDS_PER_MINUTE:.1f} h"
