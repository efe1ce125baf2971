"""Markdown as the documentation has it: prose in short lines, tables as they are."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

COLUMNS = 120
_MARKER = re.compile(r" *(?:- )?")


def wrapped(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if not line or line.startswith(("|", "#", "<!--")):
            yield line
        else:
            yield from _wrapped(line)


def _wrapped(line: str) -> list[str]:
    marker = _MARKER.match(line)
    indent = " " * (marker.end() if marker else 0)
    return textwrap.wrap(line, COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
