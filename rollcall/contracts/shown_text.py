"""Makes other people's text safe to show: it must not control a terminal, page or spreadsheet, or be invisible."""

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
    """The text without characters that a terminal or page obeys: escape codes, direction marks, zero width."""
    return "".join(each if each.isprintable() or each in keep else "\N{REPLACEMENT CHARACTER}" for each in text)


def quoted(value: object) -> str:
    """The text as a message quotes it, shortened: others' text may be of any length."""
    begins = value[: MOST_QUOTED + 1] if isinstance(value, str) else value
    text = repr(begins)
    return text if len(text) <= MOST_QUOTED + len("''") else f"{text[: MOST_QUOTED + 1]}…"


def printable_json(content: Any) -> str:
    """One line of JSON, in which the same characters are escapes."""
    line = json.dumps(content, ensure_ascii=False)
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line)


def visible(text: str) -> str:
    """The visible characters of the text: letters, digits, signs; no marks and no blanks."""
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
    """The text with an apostrophe before it if it would be a formula: spreadsheets then show it as text."""
    begins = text.lstrip(" \n\t\N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}\N{REPLACEMENT CHARACTER}")
    starts_a_formula = _FORMULA.match(begins) is not None and _PLAIN_NUMBER.fullmatch(text) is None
    return f"'{text}" if starts_a_formula or text[:1] in {"\t", "\n"} else text
