"""The scans of a JPEG: parts of its picture that follow each other. A progressive JPEG has many."""

import re
from collections.abc import Iterator

_COEFFICIENTS = 64  # of a block
_LONE_MARKERS = frozenset(range(0xD0, 0xD9))  # restarts and the start of the picture: no length follows
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers that come with the number of components
_SCAN, _END = 0xDA, 0xD9
_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)


def every_scan_begins(jpeg: bytes) -> bool:
    """Whether there are scans for each coefficient of each component, down to its last bit."""
    components, exact = 0, set[tuple[int, int]]()
    for marker, body in segments(jpeg):
        if marker in FRAMES and len(body) > 5:  # noqa: PLR2004
            components = body[5]
        elif marker == _SCAN and len(body) == 4 + 2 * body[0] and not body[-1] & 15:
            exact.update((body[1 + 2 * n], k) for n in range(body[0]) for k in range(body[-3], body[-2] + 1))
    return components > 0 and len(exact) == components * _COEFFICIENTS


def number_of_scans(jpeg: bytes) -> int:
    return sum(marker == _SCAN for marker, _ in segments(jpeg))


def segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Each marker with the bytes that its length covers; the bytes of a scan's picture are skipped."""
    at = 0
    while (found := _MARKER.search(jpeg, at)) is not None and found[1][0] != _END:
        at = found.end()
        if found[1][0] not in _LONE_MARKERS:
            length = int.from_bytes(jpeg[at : at + 2], "big")
            yield found[1][0], jpeg[at + 2 : at + length]
            at += max(length, 2)
