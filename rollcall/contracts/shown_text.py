"""Names, keys and records are other people's text. None of it may steer what shows it, or pass for nothing."""

import json
import re
import unicodedata
from typing import Any

# letters, marks and symbols that leave a blank, or nothing: Unicode calls them visible
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159")
MOST_QUOTED = 100  # characters
_INVISIBLE_KINDS = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Mc", "Me", "Mn", "Zl", "Zp", "Zs"})


def composed(name: str) -> str:
    """The one form of a name: keyboards and file systems differ in how they compose accents."""
    return unicodedata.normalize("NFC", name)


def printable(text: str, *, keep: str = "") -> str:
    """The text without what a terminal or a page obeys: escape codes, direction marks, characters of no width."""
    return "".join(each if each.isprintable() or each in keep else "\N{REPLACEMENT CHARACTER}" for each in text)


def quoted(value: object) -> str:
    """How a message quotes it: others' text may be of any length."""
    begins = value[: MOST_QUOTED + 1] if isinstance(value, str) else value
    text = repr(begins)
    return text if len(text) <= MOST_QUOTED + len("''") else f"{text[: MOST_QUOTED + 1]}…"


def printable_json(content: Any) -> str:
    """One line of JSON, in which the same characters are escapes."""
    line = json.dumps(content, ensure_ascii=False)
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line)


def visible(text: str) -> str:
    """What of the text leaves a trace by itself: letters, digits, signs; no marks and no blanks."""
    return "".join(each for each in text if each not in _BLANKS and unicodedata.category(each) not in _INVISIBLE_KINDS)


_FORMULA = re.compile(r"[=+\-@\uff1d\uff0b\uff0d\uff20]")  # how one begins, also in the full width of East Asia
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*")
_QUOTED = frozenset(',;"\n\t')


def csv_cell(value: Any) -> str:
    """A value as a spreadsheet reads it: numbers as numbers, text as text and never as a formula, the rest as JSON."""
    if value is None:
        return ""
    if not isinstance(value, str):
        text = printable_json(value)
    else:
        text = _no_formula(printable(value.replace("\r\n", "\n").replace("\r", "\n"), keep="\n\t"))
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if _QUOTED & set(text) else text


def _no_formula(text: str) -> str:
    """With an apostrophe before what would be one: spreadsheets show the text that follows it."""
    begins = text.lstrip(" \n\t\N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}\N{REPLACEMENT CHARACTER}")
    starts_a_formula = _FORMULA.match(begins) is not None and _PLAIN_NUMBER.fullmatch(text) is None
    return f"'{text}" if starts_a_formula or text[:1] in {"\t", "\n"} else text
