"""Which part of an object an answer has."""

import re
from dataclasses import dataclass

from rollcall.local.store.s3.s3_errors import S3Error
from rollcall.local.store.s3.versions import Version

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


@dataclass(frozen=True, slots=True)
class Span:
    start: int
    length: int
    whole: int

    @property
    def partial(self) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.whole}"


def span_of(wanted: str | None, size: int) -> Span | None:
    """None: everything. A header that cannot be read, or asks for several ranges, is ignored. Raises: S3Error."""
    found = _RANGE.fullmatch(wanted.strip().replace(" ", "")) if wanted else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size - 1
        refused = int(found[2]) == 0 or size == 0
    else:
        start, end = int(found[1]), min(int(found[2] or size - 1), size - 1)
        if found[2] and int(found[2]) < start:
            return None
        refused = start >= size
    if refused:
        raise S3Error(
            "InvalidRange",
            headers={"content-range": f"bytes */{size}"},
            RangeRequested=wanted or "",
            ActualObjectSize=str(size),
        )
    return Span(start, end - start + 1, size)


def part_span(version: Version, number: int) -> Span:
    """Raises: S3Error."""
    parts = version.described.parts or [(1, version.size, "")]
    if not 1 <= number <= len(parts):
        raise S3Error(
            "InvalidPartNumber",
            PartNumberRequested=str(number),
            ActualPartCount=str(len(parts)),
        )
    start = sum(size for _, size, _ in parts[: number - 1])
    return Span(start, parts[number - 1][1], version.size)
