"""What a run found, as tables on the terminal."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rollcall.cli.show.text import clock, record_line, seconds_seen
from rollcall.contracts.shown_text import printable
from rollcall.media.folders import LeftOut
from rollcall.results.result import Appearance, Failure, Result

MOST_TABLES = 30  # of more files each has one line
TIMES = ("first seen", "last seen", "seconds")
PIPE_WIDTH = 160  # columns, where there is no terminal to ask


def print_results(answers: Iterable[tuple[str, Result | Failure]], left_out: Sequence[LeftOut], *, files: int) -> None:
    for key, answer in answers:
        if files <= MOST_TABLES:
            print_result(key, answer)
        else:
            print(line_of(key, answer))
    for entry in left_out:
        if entry.failed:
            print(entry)


def line_of(key: str, answer: Result | Failure) -> str:
    if isinstance(answer, Failure):
        return f"failed {printable(key)}: {printable(answer.error.message)}"
    return f"done {printable(key)}: {who(answer)}"


def who(result: Result) -> str:
    names = [printable(person.name) for person in result.people]
    strangers = [f"{len(result.unknown)} unknown"] if result.unknown else []
    return ", ".join(names + strangers) or "nobody"


def print_result(key: str, result: Result | Failure) -> None:
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
    console.print(Text(printable(key), style="bold"))
    if isinstance(result, Failure):
        console.print(Text(f"  failed: {printable(result.error.message)}\n", style="red"))
    elif not result.people and not result.unknown:
        console.print("  nobody was seen\n")
    else:
        console.print(_table(result))
    for note in result.notes if isinstance(result, Result) else ():
        console.print(Text(f"  note: {printable(note)}\n", style="yellow"))


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


def print_places(out: Path, report: Path | None) -> None:
    """`report`: none if it could not be written."""
    print(f"results: {printable(str(out))}")
    if report is not None:
        print(f"report:  {printable(str(report))}")
