"""Other people's text, made fit to be shown."""

import csv
import io
import json

import pytest

from rollcall.contracts.shown_text import csv_cell, printable, printable_json, visible
from rollcall.results.result_files import to_csv
from tests.unit.made_results import person, result

STEERS = "\x1b[2J \x9b2J \u202e \u2066 \u200b \ufeff \u00ad \u2028 \x00 \x7f \r"


def test_nothing_that_steers_a_terminal_or_a_page_is_shown() -> None:
    assert printable(STEERS).replace(" ", "") == "\ufffd[2J\ufffd2J" + "\ufffd" * 9
    assert printable("Zoë 李 \N{HEBREW LETTER ALEF}") == "Zoë 李 \N{HEBREW LETTER ALEF}"
    assert printable("a\nb\tc", keep="\n") == "a\nb\ufffdc"


def test_json_lines_keep_what_they_say() -> None:
    content = {"name": f"Zoë {STEERS} \U000e0041 \udcff", "faces": [1.5, None]}
    line = printable_json(content)

    assert line.isprintable() and "Zoë" in line
    assert json.loads(line) == content


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\t", "\u00a0", "\u3000", "\u200b", "\u200d\u200c", "\ufeff", "\u3164", "\uffa0", "\u115f\u1160",
        "\u2800", "\u034f", "\u17b4", "\u180e", "\ufe0f", "\u0301", "\U000e0041", "\u2028", "\x00", "\u202e \u3164",
    ],
)  # fmt: skip
def test_texts_that_look_empty_show_nothing(text: str) -> None:
    assert visible(text) == ""


@pytest.mark.parametrize("text", ["a", "7", "李", "न", "ا", "-", "!", "🙂", "a\u0301"])
def test_letters_digits_and_signs_are_seen(text: str) -> None:
    assert visible(text)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "\u200b=1",
        "\uff1d1+1", "\uff0b1", "\uff20x", "-", "=", "-1-2", "+1;=1", "\r", "\tx",
    ],
)  # fmt: skip
def test_no_text_is_a_formula(text: str) -> None:
    (row,) = csv.reader(io.StringIO(f"{csv_cell(text)}\n"), strict=True)

    assert row[0].startswith("'") and row[0][1:].strip("\n\t\ufffd ") in text.replace("\r", "\n")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (1, "1"), (-5, "-5"), (0.5, "0.5"), (-1e-7, "-1e-07"), (True, "true"), (None, ""), ("", ""), ("Ann", "Ann"),
        ("-5", "-5"), ("+49", "+49"), ("1,5", '"1,5"'), ("a;b", '"a;b"'), ('say "a"', '"say ""a"""'), ("a=b", "a=b"),
        ([1, {"a": "ü"}], '"[1, {""a"": ""ü""}]"'), ({}, "{}"), (["=1"], '"[""=1""]"'), ("a\r\nb\rc", '"a\nb\nc"'),
        ("a\x1b[2Jb", "a\ufffd[2Jb"),
    ],
)  # fmt: skip
def test_numbers_stay_numbers_text_stays_text_and_the_rest_is_json(value: object, cell: str) -> None:
    assert csv_cell(value) == cell


def test_no_two_columns_of_a_csv_have_one_name_as_the_file_shows_it() -> None:
    record = {"=x": 1, "'=x": 2, "a\u200b": 3, "a\u202e": 4, "name": "Ann", "seconds": 5}
    headings = next(csv.reader(io.StringIO(to_csv(result([person("Ann", [(0.0, 1.0)], record=record)])))))

    assert len({*headings}) == len(headings)
