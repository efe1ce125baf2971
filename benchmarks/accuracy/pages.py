"""Puts what was measured into pages of the documentation, between two marks."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.accuracy.group_tables import group_page, markdown
from benchmarks.accuracy.table import share

ROOT = Path(__file__).resolve().parents[2]
CALIBRATION = ROOT / "rollcall" / "people" / "calibration.json"
CARD = ROOT / "model" / "README.md"
BEGIN, END = "<!-- measured: written by {} -->\n", "<!-- end of what was measured -->\n"
ACCURACY, CHOOSE = "benchmarks.accuracy", "benchmarks.accuracy.choose"
_WITH_INTERVAL = re.compile(r" % \[([\d.]+), ([\d.]+)\]")

Row = dict[str, Any]


def put(page: Path, command: str, text: str) -> None:
    """Errors: SystemExit for a page without the marks."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN.format(command))
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{page}: expected the lines {BEGIN.format(command).strip()} and {END.strip()}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def accuracy_page(report: Row) -> str:
    text = "\n".join([group_page(report["groups"]), _conditions(report), _others(report)])
    return _WITH_INTERVAL.sub(r" [\1–\2]", text)  # the page says once that rates are in percent


def _conditions(report: Row) -> str:
    found = report["open_set"]
    head = ["photo", "not found", "lost: all other photos enrolled", "one enrolled", "stranger named: all", "one"]
    rows = [
        [condition]
        + [
            _percent(found[kind][condition][measure])
            for kind, measure in (
                ("all_photos_enrolled", "not_found"),
                ("all_photos_enrolled", "lost"),
                ("one_photo_enrolled", "lost"),
                ("all_photos_enrolled", "strangers_named"),
                ("one_photo_enrolled", "strangers_named"),
            )
        ]
        for condition in found["all_photos_enrolled"]
    ]
    title = f"Photos made bad in {len(rows) - 2} ways, {found['people_enrolled']} people enrolled from good ones:"
    return f"{title}\n\n{markdown([head, *rows])}"


def _others(report: Row) -> str:
    rows = [["measure", "result"]]
    for name in ("johns", "all photos"):
        found = report["verification"][name]
        rows += [
            [f"{name}: {measure.replace('_', ' ')}", share(found[measure])]
            for measure in ("rank_1", "false_match_rate", "false_non_match_rate")
        ]
    detection = report["detection"]
    rows += [["faces found", share(detection["found"])], ["false boxes", str(detection["false_boxes"])]]
    for name, found in report["clips"]["galleries"].items():
        for measure in ("clips_right", "strangers_named"):
            rows.append([f"clips against {name}: {measure.replace('_', ' ')}", share(found[measure])])
    return "The other photos and clips:\n\n" + markdown(rows)


def _percent(rate: Row) -> str:
    return "–" if rate["share"] is None else f"{rate['share']:.1%}"


def card() -> str:
    """The error rates that every result tells, by embedder."""
    shipped = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    head = ["embedder", "false match", "worst group", "false non-match", "worst group"]
    return markdown([head, *_card_rows(shipped)])


def _card_rows(shipped: Row) -> Iterator[list[str]]:
    for embedder, numbers in shipped.items():
        rates = numbers["error_rates"]
        if rates is None:
            yield [f"`{embedder}`", *["not measured"] * 4]
            continue
        cells = []
        for measure in ("false_match", "false_non_match"):
            worst = rates["worst_group"][measure]
            cells += [_interval(rates[measure]), f"{worst['group']} {_interval(worst)}"]
        yield [f"`{embedder}`", *cells]


def _interval(rate: Row) -> str:
    low, high = rate["interval"]
    return f"{rate['percent']:g} % [{low:g}, {high:g}]"
