"""Rates by group as a person reads them: on a terminal, and as a page of the documentation."""

from collections.abc import Iterator
from typing import Any

from benchmarks.accuracy.groups import DRAWS, EVERYBODY, FALSE_MATCH_RATES
from benchmarks.accuracy.table import heading, share

Row = dict[str, Any]


def group_lines(groups: dict[str, Row]) -> Iterator[str]:
    """Worst group first."""
    for title, rows in _tables(groups):
        yield heading(title)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def group_page(groups: dict[str, Row]) -> str:
    text = ""
    for title, rows in _tables(groups):
        text += f"\n{title}:\n\n{markdown(rows)}"
    return text.lstrip()


def markdown(rows: list[list[str]]) -> str:
    """A table; the first row is its head."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _tables(groups: dict[str, Row]) -> Iterator[tuple[str, list[list[str]]]]:
    for name, found in groups.items():
        of = f"{name}, {found['photos']} photos of {found['people']} people"
        paired = f"{of} ({found['photos_too_poor_for_pairs']} too poor to be paired)"
        yield f"{paired}: one photo against one at the threshold of {found['threshold']:g}", _pairs(found["pairs"])
        yield f"{paired}: error rates at other thresholds", _curves(found["pairs"])
        for photos, rows in found["open_set"].items():
            enrolled = f"{photos} photo{'s' * (photos != '1')} of each of the others enrolled"
            yield f"{of}: who is this, {enrolled}, {DRAWS} draws", _open_set(rows)


def _pairs(rows: dict[str, Row]) -> list[list[str]]:
    head = ["group", "people", "false match", "false non-match"]
    return [head] + [
        [group, str(row["people"]), share(row["false_match"], digits=3), share(row["false_non_match"])]
        for group, row in rows.items()
    ]


def _curves(rows: dict[str, Row]) -> list[list[str]]:
    head = ["group", "equal error rate", *(f"FNMR at FMR {limit:.2%}" for limit in FALSE_MATCH_RATES)]
    told = {group: row for group, row in rows.items() if row["equal_error"] is not None}
    worst_first = sorted(told.items(), key=lambda row: (row[0] == EVERYBODY, -row[1]["equal_error"]["share"]))
    return [head] + [
        [group, share(row["equal_error"]), *(share(rate) for rate in row["false_non_match_at"].values())]
        for group, row in worst_first
    ]


def _open_set(rows: dict[str, Row]) -> list[list[str]]:
    head = ["group", "strangers named", "known lost", "named as another"]
    measures = ("strangers_named", "known_lost", "misnamed")
    return [head] + [[group, *(share(row[measure]) for measure in measures)] for group, row in rows.items()]
