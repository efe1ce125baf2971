"""All results of a run on one page that needs nothing but the files beside it."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from functions.common.keys import csv_key, result_key, vtt_key
from functions.common.results import Appearance, Failure, Person, Result
from local.outputs import contact_sheet_key
from local.text import clock, record_line, seconds_seen

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
.failed { border-left: 4px solid #d64545; padding: .5rem 1rem; }
"""


def write_report(results: Sequence[tuple[str, Result | Failure]], path: Path) -> None:
    """`results`: key and answer of each file. Links are relative to the report's own folder."""
    failed = sum(isinstance(result, Failure) for _, result in results)
    summary = f"{len(results)} {'file' if len(results) == 1 else 'files'}" + (f", {failed} failed" if failed else "")
    sections = "\n".join(_section(key, result) for key, result in results)
    path.write_text(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src 'self' file:; "
        "style-src 'unsafe-inline'\">\n"
        f"<title>Rollcall: {summary}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>Rollcall</h1>\n<p class="summary">{summary}</p>\n{sections}\n</body>\n</html>\n',
        encoding="utf-8",
    )


def _section(key: str, result: Result | Failure) -> str:
    heading = f"<h2>{escape(key)}</h2>"
    if isinstance(result, Failure):
        return f'{heading}\n<p class="failed">{escape(result.error.message)} ({escape(result.error.code)})</p>'
    kind = f"{clock(result.duration)} long" if result.duration else "photo"
    found = f"{len(result.people)} enrolled, {len(result.unknown)} unknown"
    links = ", ".join(
        f'<a href="{_link(name(key))}">{label}</a>'
        for label, name in (("JSON", result_key), ("CSV", csv_key), ("WebVTT", vtt_key))
    )
    sheet = _link(contact_sheet_key(key))
    return "\n".join(
        (
            heading,
            f'<p class="summary">{kind}; {found}; {links}</p>',
            f'<a href="{sheet}"><img class="sheet" src="{sheet}" alt="contact sheet of {escape(key)}"></a>',
            _table(result),
        )
    )


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
    picture = f'<img src="{_link(crop)}" alt="">' if crop else ""
    spans = "<br>".join(f"{clock(segment.start)} – {clock(segment.end)}" for segment in appearance.segments)
    seen = f'<td>{spans}</td><td class="number">{seconds_seen(appearance):.1f}</td>' if times else ""
    return (
        f'<tr class="{kind}"><td>{picture}</td><td class="who">{escape(who)}</td>{seen}'
        f'<td class="number">{similarity}</td><td>{record}</td></tr>'
    )


def _link(key: str) -> str:
    return escape("./" + quote(key))  # "./": a key may look like a scheme, as in "javascript:..."
