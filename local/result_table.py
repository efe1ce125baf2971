"""What a run found, as tables on the terminal."""

import sys
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from functions.common.results import Appearance, Failure, Result
from local.text import clock, printable, record_line, seconds_seen

TIMES = ("first seen", "last seen", "seconds")
PIPE_WIDTH = 160  # columns, where there is no terminal to ask


def print_result(key: str, result: Result | Failure) -> None:
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
    console.print(Text(printable(key), style="bold"))
    if isinstance(result, Failure):
        console.print(Text(f"  failed: {result.error.message}\n", style="red"))
    elif not result.people and not result.unknown:
        console.print("  nobody was seen\n")
    else:
        console.print(_table(result))


def _table(result: Result) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("who", overflow="fold")
    for heading in (*(TIMES if result.duration else ()), "similarity"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("record", overflow="fold")
    for person in result.people:
        name = Text(printable(person.name), style="green")
        record = Text(record_line(person.record) or "-")
        table.add_row(name, *_times(person, result), f"{person.similarity:.0f}/100", record)
    for stranger in result.unknown:
        table.add_row(Text(stranger.id), *_times(stranger, result), "-", "-")
    return table


def _times(appearance: Appearance, result: Result) -> tuple[str, ...]:
    if not result.duration:
        return ()  # a photo has none
    return clock(appearance.first_seen), clock(appearance.last_seen), f"{seconds_seen(appearance):.1f} s"


def print_places(out: Path, report: Path) -> None:
    print(f"results: {out}\nreport:  {report}")
