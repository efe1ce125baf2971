"""A result as CSV for spreadsheets, as WebVTT for video players, and as bare names."""

from collections.abc import Sequence
from typing import Any

from rollcall.contracts.shown_text import csv_cell, printable
from rollcall.results.result import Appearance, Result, Segment

UNKNOWN, NO_FACE = "unknown", "no-face"  # as the HTTP API answers
COLUMNS = ("name", "first_seen", "last_seen", "seconds", "similarity")


def to_csv(result: Result) -> str:
    """A row for everybody: first the people enrolled, then the strangers, who have no similarity and no record."""
    records = [person.record or {} for person in result.people]
    fields = sorted({name for record in records for name in record if name != "name"})
    rows: list[list[Any]] = [[*COLUMNS, *_headings(fields)]]
    for person, record in zip(result.people, records, strict=True):
        rows.append([person.name, *_times(person), person.similarity, *map(record.get, fields)])
    for stranger in result.unknown:
        rows.append([stranger.id, *_times(stranger), None, *(None for _ in fields)])
    return "".join(f"{','.join(map(csv_cell, row))}\n" for row in rows)


def _headings(fields: Sequence[str]) -> list[str]:
    """Column names, all different as the file shows them."""
    taken = set(COLUMNS)
    headings = []
    for name in fields:
        heading = name
        while csv_cell(heading) in taken:
            heading = f"record_{heading}"
        taken.add(csv_cell(heading))
        headings.append(heading)
    return headings


def _times(appearance: Appearance) -> tuple[float, float, float]:
    seconds = round(sum(segment.end - segment.start for segment in appearance.segments), 3)
    return appearance.first_seen, appearance.last_seen, seconds


def to_vtt(result: Result) -> str:
    """WebVTT: a cue for each stretch in which somebody is seen."""
    shown = [(segment, person.name) for person in result.people for segment in person.segments]
    shown += [(segment, stranger.id) for stranger in result.unknown for segment in stranger.segments]
    cues = [
        _cue(segment, label) for segment, label in sorted(shown, key=lambda cue: (cue[0].start, cue[0].end, cue[1]))
    ]
    return "\n".join(["WEBVTT\n", *cues])


def to_names(result: Result) -> str:
    """One name a line, and nothing else; without a name it is what the HTTP API would answer."""
    names = [person.name for person in result.people]
    return "\n".join(names) or (UNKNOWN if result.unknown else NO_FACE)


def _cue(segment: Segment, label: str) -> str:
    text = printable(label).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"{_clock(segment.start)} --> {_clock(segment.end)}\n{text}\n"


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
