"""A result as CSV and WebVTT, for spreadsheets and video players."""

import csv
import io

from functions.common.results import Person, Result, Segment

COLUMNS = ("name", "first_seen", "last_seen", "seconds", "similarity")


def to_csv(result: Result) -> str:
    records = [person.record or {} for person in result.people]
    fields = sorted({name for record in records for name in record if name != "name"})
    headings = [f"record_{name}" if name in COLUMNS else name for name in fields]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *headings])
    for person, record in zip(result.people, records, strict=True):
        writer.writerow([*_cells(person), *(record.get(name, "") for name in fields)])
    return out.getvalue()


def _cells(person: Person) -> list[str | float]:
    seconds = round(sum(segment.end - segment.start for segment in person.segments), 3)
    return [person.name, person.first_seen, person.last_seen, seconds, person.similarity]


def to_vtt(result: Result) -> str:
    """WebVTT: a cue for each stretch in which somebody is seen."""
    shown = [(segment, person.name) for person in result.people for segment in person.segments]
    shown += [(segment, stranger.id) for stranger in result.unknown for segment in stranger.segments]
    cues = [
        _cue(segment, label) for segment, label in sorted(shown, key=lambda cue: (cue[0].start, cue[0].end, cue[1]))
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _cue(segment: Segment, label: str) -> str:
    text = label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"{_clock(segment.start)} --> {_clock(segment.end)}\n{text}\n"


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
