"""All results of a run on one page that needs nothing but the files beside it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from rollcall.cli.answers import Answer
from rollcall.cli.output_file import write_output_file
from rollcall.cli.show.text import clock, record_line, seconds_seen
from rollcall.contracts.shown_text import printable
from rollcall.media.folders import LeftOut
from rollcall.results.output_files import CONTACT_SHEET, RESULT, beside_json
from rollcall.results.result import Appearance, Failure, Person, Result

MANY = 16  # files, from which on there is an overview of who is in which

_STYLE = """
:root { color-scheme: light dark; --line: #8885; --faint: #808894; --enrolled: #23a05f; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 3rem 0 .25rem; overflow-wrap: anywhere; }
p.summary { color: var(--faint); margin: 0 0 1rem; }
img.sheet { width: 100%; height: auto; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; padding: .4rem .75rem; border-bottom: 1px solid var(--line); vertical-align: middle; }
th { color: var(--faint); font-weight: 500; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
td img { height: 72px; border-radius: 4px; display: block; }
tr.person td.who { color: var(--enrolled); font-weight: 600; }
section { content-visibility: auto; contain-intrinsic-size: auto 320px; }
details { margin: .25rem 0; overflow-wrap: anywhere; }
summary { cursor: pointer; }
.failed { border-left: 4px solid #d64545; padding: .5rem 1rem; }
"""


def write_report(
    answers: Iterable[tuple[str, Answer]], path: Path, *, sheets: bool = True, left_out: Sequence[LeftOut] = ()
) -> None:
    """`answers`: key and answer of each file. Links are relative to the report's own folder."""
    sections: list[str] = []
    overview = Overview()
    for key, answer in answers:
        overview.add(key, answer)
        sections.append(_section(key, answer, anchor=f"f{len(sections) + 1}", sheets=sheets))
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src 'self' file:; "
        "style-src 'unsafe-inline'\">\n"
        f"<title>Rollcall: {overview}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>Rollcall</h1>\n<p class="summary">{overview}</p>\n{_left_out(left_out)}{overview.table()}'
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )
    write_output_file(path, page.encode())


class Overview:
    """Who is in which of many files, and which files failed."""

    def __init__(self) -> None:
        self._files = 0
        self._failed: list[str] = []
        self._people: defaultdict[str, list[str]] = defaultdict(list)

    def __str__(self) -> str:
        files = f"{self._files:,} {'file' if self._files == 1 else 'files'}"
        return files + (f", {len(self._failed):,} failed" if self._failed else "")

    def add(self, key: str, answer: Answer) -> None:
        self._files += 1
        link = f'<a href="#f{self._files}">{_shown(key)}</a>'
        if isinstance(answer, Failure):
            self._failed.append(link)
            return
        for person in answer.people:
            self._people[person.name].append(link)
        if answer.unknown:
            self._people[""].append(link)

    def table(self) -> str:
        if self._files < MANY:
            return ""
        rows = [_folded("failed", self._failed)] if self._failed else []
        rows += [_folded(_shown(name) or "unknown people", self._people[name]) for name in sorted(self._people)]
        return "<h2>Who is in which file</h2>\n" + "\n".join(rows) + "\n"


def _folded(heading: str, links: list[str]) -> str:
    files = "file" if len(links) == 1 else "files"
    return f"<details><summary>{heading}: {len(links):,} {files}</summary>{', '.join(links)}</details>"


def _left_out(entries: Sequence[LeftOut]) -> str:
    lines = "".join(f"<li>{_shown(str(entry))}</li>" for entry in entries)
    return f"<details><summary>{len(entries):,} left out</summary><ul>{lines}</ul></details>\n" if entries else ""


def _section(key: str, answer: Answer, *, anchor: str, sheets: bool) -> str:
    return f'<section id="{anchor}">\n<h2>{_shown(key)}</h2>\n{_content(key, answer, sheets=sheets)}\n</section>'


def _content(key: str, answer: Answer, *, sheets: bool) -> str:
    if isinstance(answer, Failure):
        return f'<p class="failed">{_shown(answer.error.message)} ({_shown(answer.error.code)})</p>'
    kind = f"{clock(answer.duration)} long" if answer.duration else "photo"
    found = f"{len(answer.people)} enrolled, {len(answer.unknown)} unknown"
    links = ", ".join(f'<a href="{_link(file.key(key))}">{escape(file.label)}</a>' for file in (RESULT, *beside_json()))
    summary = f'<p class="summary">{kind}; {found}; {links}</p>'
    notes = [f'<p class="note">{_shown(note)}</p>' for note in answer.notes]
    return "\n".join((summary, *notes, *([_sheet(key)] if sheets else []), _table(answer)))


def _sheet(key: str) -> str:
    sheet = _link(CONTACT_SHEET.key(key))
    alt = f"contact sheet of {_shown(key)}"
    return f'<a href="{sheet}"><img class="sheet" loading="lazy" src="{sheet}" alt="{alt}"></a>'


def _shown(text: str) -> str:
    return escape(printable(text))


def _table(result: Result) -> str:
    if not result.people and not result.unknown:
        return "<p>Nobody was seen.</p>"
    times = ("seen (from – to)", "seconds") if result.duration else ()  # a photo has none
    head = "".join(f"<th>{heading}</th>" for heading in ("", "who", *times, "similarity (0–100)", "record"))
    people = [_person_row(person, times=bool(times)) for person in result.people]
    strangers = [_row("unknown", stranger.id, stranger, times=bool(times)) for stranger in result.unknown]
    return "\n".join(("<table>", f"<tr>{head}</tr>", *people, *strangers, "</table>"))


def _person_row(person: Person, *, times: bool) -> str:
    record = escape(record_line(person.record)) or "–"
    return _row("person", person.name, person, times=times, similarity=f"{person.similarity:.0f}", record=record)


def _row(kind: str, who: str, appearance: Appearance, *, times: bool, similarity: str = "–", record: str = "–") -> str:
    crop = appearance.best.crop
    picture = f'<img loading="lazy" src="{_link(crop)}" alt="">' if crop else ""
    spans = "<br>".join(f"{clock(segment.start)} – {clock(segment.end)}" for segment in appearance.segments)
    seen = f'<td>{spans}</td><td class="number">{seconds_seen(appearance):.1f}</td>' if times else ""
    return (
        f'<tr class="{kind}"><td>{picture}</td><td class="who">{_shown(who)}</td>{seen}'
        f'<td class="number">{similarity}</td><td>{record}</td></tr>'
    )


def _link(key: str) -> str:
    return escape("./" + quote(key))  # "./": a key may look like a scheme, as in "javascript:..."
