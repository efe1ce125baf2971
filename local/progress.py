"""Showing how far each file is: bars on a terminal, lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from local.submissions import Progress, Stage
from local.text import printable

LINE_SECONDS = 1.0  # between two lines that differ in a count only
BARS_KEPT = 15  # of this many files the finished ones stay on screen

# about the share of the whole that is behind a file when it reaches a stage
_REACHED = {"uploading": 0.0, "splitting": 0.05, "recognizing": 0.15, "looking up": 0.95, "done": 1.0, "failed": 1.0}


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
        if stage.finished and len(self._tasks) > BARS_KEPT:
            self._bars.update(self._tasks[key], visible=False)


@contextmanager
def show_progress(stream: TextIO = sys.stderr) -> Iterator[Progress]:
    if not stream.isatty():
        yield LineProgress(stream)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[stage]}", markup=False),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(file=stream)) as bars:
        yield BarProgress(bars)
