"""Checks every Markdown page of the repository: relative links, anchors, and the length of lines and sentences.

python .ci/check_docs.py [FOLDER]     prints `page:line: what is wrong`, and ends with 1 if anything is
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MOST_COLUMNS = 140
MOST_WORDS = 25  # of a sentence; code is not counted, and a colon ends a sentence
_LINK = re.compile(r"\]\(<?([^)\s>]+)|^\[[^\]]+\]:\s*<?([^\s>]+)")
_HEADING = re.compile(r"#{1,6}\s+(.+?)[\s#]*$")
_CODE = re.compile(r"`[^`]*`")
_TARGET = re.compile(r"\]\([^)]*\)")
_NO_PROSE = re.compile(r"\s*(?:[#|<>]|\[[^\]]+\]:)")
_ITEM = re.compile(r"^(?:[-*]|[1-9]\.)\s+")


def faults(root: Path) -> Iterator[str]:
    listed = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md"]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0")
    for page in sorted(path for name in filter(None, names) if (path := root / name).is_file()):
        for number, line, is_code in _lines(page):
            wrong = [f"{len(line)} columns; at most {MOST_COLUMNS}"] if len(line) > MOST_COLUMNS else []
            links = [] if is_code else ["".join(found) for found in _LINK.findall(_CODE.sub("", line))]
            wrong += [f"{link}: {fault}" for link in links if (fault := _fault(page, link, root))]
            yield from (f"{page.relative_to(root)}:{number}: {text}" for text in wrong)
        for number, words in _long_sentences(page):
            yield f"{page.relative_to(root)}:{number}: a sentence of {words} words; at most {MOST_WORDS}"


def _long_sentences(page: Path) -> Iterator[tuple[int, int]]:
    """The line where its paragraph begins, and how many words it has."""
    for number, paragraph in _paragraphs(page):
        text = _CODE.sub("", _TARGET.sub("]", paragraph))
        for sentence in re.split(r"[.:!?][\"')*\]]*\s", text):
            words = sum(any(map(str.isalnum, word)) for word in sentence.split())
            if words > MOST_WORDS:
                yield number, words


def _paragraphs(page: Path) -> Iterator[tuple[int, str]]:
    """Each item of a list is one; headings, tables and code are none."""
    start, found = 0, ""
    for number, line, is_code in [*_lines(page), (0, "", False)]:
        text = "" if is_code or _NO_PROSE.match(line) else line.strip()
        if found and (not text or _ITEM.match(text)):
            yield start, found
            found = ""
        if text:
            start = start if found else number
            found += f" {_ITEM.sub('', text)}"


def _fault(page: Path, link: str, root: Path) -> str | None:
    path, _, anchor = link.partition("#")
    if ":" in path:
        return None  # another site
    target = (page.parent / path).resolve() if path else page
    if not target.is_relative_to(root) or not target.exists():
        return "no such file in the repository"
    return "no such heading" if anchor and not (target.is_file() and anchor in _anchors(target)) else None


def _anchors(page: Path) -> set[str]:
    """Made from the headings as GitHub makes them: a second one of the same text ends in -1."""
    headings = [_HEADING.match(line) for _, line, is_code in _lines(page) if not is_code]
    slugs = [re.sub(r"[^\w\- ]", "", found[1].lower()).replace(" ", "-") for found in headings if found]
    return {f"{slug}-{number}" if number else slug for slug in slugs for number in range(slugs.count(slug))}


def _lines(page: Path) -> Iterator[tuple[int, str, bool]]:
    """Number, text, and whether the line is in a block of code."""
    fence = ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        mark = re.match(r"\s*(```+|~~~+)", line)
        yield number, line, bool(fence or mark)
        if mark and (not fence or line.strip().startswith(fence)):
            fence = "" if fence else mark[1]


if __name__ == "__main__":
    found = list(faults(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
    sys.exit("\n".join(found) or 0)
