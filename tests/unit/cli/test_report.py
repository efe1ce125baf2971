import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rollcall.cli.show.report import write_report
from rollcall.cli.show.result_table import print_result, print_results
from rollcall.cli.show.text import clock, record_line
from rollcall.contracts.shown_text import printable
from tests.unit.made_results import failure, person, result, stranger


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def report(tmp_path: Path, *results: tuple[str, object]) -> Page:
    write_report(list(results), tmp_path / "report.html")  # type: ignore[arg-type]
    return Page((tmp_path / "report.html").read_text(encoding="utf-8"))


def test_the_report_tells_who_when_and_their_record(tmp_path: Path) -> None:
    ann = person("Ann", [(2, 4.5), (61, 62)], record={"name": "Ann", "role": "pilot"}, crop="clip.mp4/faces/Ann-1.jpg")

    page = report(tmp_path, ("clip.mp4", result([ann], [stranger(1, [(0, 1)])])))

    for part in ("Ann", "0:02.0 – 0:04.5", "1:01.0 – 1:02.0", "3.5", "93", "role: pilot", "unknown-1"):
        assert part in page.text
    assert "./clip.mp4/faces/Ann-1.jpg" in page.links
    assert "./clip.mp4.contact-sheet.png" in page.links


def test_a_failure_is_told_in_its_own_sentence(tmp_path: Path) -> None:
    page = report(tmp_path, ("a.mp4", failure("The file is empty.")), ("b.mp4", result()))

    assert "The file is empty." in page.text
    assert "2 files, 1 failed" in page.text
    assert "Nobody was seen." in page.text


def test_names_records_and_keys_cannot_bring_in_markup_or_foreign_links(tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    key = "javascript:alert(1)//" + evil
    crop = f"{key}/faces/x-1.jpg"

    page = report(
        tmp_path, (key, result([person(evil, [(0, 1)], record={evil: evil}, crop=crop)])), (evil, failure(evil))
    )

    assert "script" not in page.tags
    assert all(link.startswith("./") for link in page.links)
    assert evil in page.text


def test_links_reach_files_with_odd_names(tmp_path: Path) -> None:
    page = report(tmp_path, ("50% & a#b?c+d ü.mp4", result()))

    assert "./50%25%20%26%20a%23b%3Fc%2Bd%20%C3%BC.mp4.json" in page.links


def test_the_table_on_the_terminal_has_every_column(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(
        "clip.mp4", result([person("Ann", [(2, 4.5)], record={"name": "Ann", "id": 7})], [stranger(1, [(0, 1)])])
    )

    shown = capsys.readouterr().out
    row = next(line for line in shown.splitlines() if "Ann" in line)
    assert re.split(r"\s{2,}", row.strip()) == ["Ann", "0:02.0", "0:04.5", "2.5 s", "93/100", "id: 7"]
    assert "unknown-1" in shown


def test_others_text_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "a\x1b[2Jb[red]c\r\n"

    print_result(evil, result([person(evil, [(0, 1)], record={evil: evil})]))
    print_result(evil, failure("plain"))

    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert "[red]" in shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.0"), (7.04, "0:07.0"), (59.96, "1:00.0"), (3599.99, "1:00:00.0"), (3661.5, "1:01:01.5")],
)
def test_times_are_written_as_on_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_record_is_one_line_without_the_name() -> None:
    assert record_line({"name": "Ann", "id": 7, "tags": ["a"]}) == 'id: 7, tags: ["a"]'
    assert record_line(None) == ""
    assert len(record_line({"x": "long" * 1000})) == 200
    assert printable("ok\u202e\x07") == "ok\ufffd\ufffd"


def test_a_report_of_many_files_has_an_overview_and_loads_pictures_late(tmp_path: Path) -> None:
    ann = person("Ann", [(0, 1)], crop="x/faces/Ann-1.jpg")
    results = [(f"{number}.jpg", result([ann] if number % 2 else [], duration=0)) for number in range(40)]
    path = tmp_path / "report.html"

    write_report([*results, ("bad.jpg", failure("The file is empty."))], path, sheets=False)

    html = path.read_text(encoding="utf-8")
    page = Page(html)
    assert "41 files, 1 failed" in page.text
    assert "Ann: 20 files" in page.text
    assert "failed: 1 file" in page.text
    assert html.count("<img") == html.count('loading="lazy"') == 20
    assert {f"#f{number}" for number in range(2, 41, 2)} <= set(page.links)
    assert 'id="f40"' in html


def test_each_of_many_files_has_one_line_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    ann = person("Ann", [(0, 1)])
    results = [(f"{number}.jpg", result([ann], [stranger(1, [(0, 1)])])) for number in range(40)]

    print_results([*results, ("a\nb.jpg", failure("It is\nempty."))], [], files=41)

    shown = capsys.readouterr().out.splitlines()
    assert shown[:2] == ["done 0.jpg: Ann, 1 unknown", "done 1.jpg: Ann, 1 unknown"]
    assert shown[40:] == ["failed a\ufffdb.jpg: It is\ufffdempty."]
