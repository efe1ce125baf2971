"""Reads JPEGs off ffmpeg's `mpjpeg` output: MIME parts that say their length."""

import re
from collections.abc import Iterable, Iterator

from rollcall.contracts.errors import RollcallError

LONGEST_HEADER = 512
_HEADER = re.compile(rb"\r?\n?--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: (\d+)\r\n\r\n")


class OversizeFrame(RollcallError):
    """A JPEG over the limit; none of it was kept."""


def jpegs(chunks: Iterable[bytes], *, most_bytes: int) -> Iterator[bytes]:
    """The JPEGs. Raise OversizeFrame before a part over the limit is read. A last part that is cut off is dropped."""
    buffer = bytearray()
    size: int | None = None
    for chunk in chunks:
        buffer += chunk
        while True:
            if size is None:
                size = _take_header(buffer, most_bytes)
            if size is None or len(buffer) < size:
                break
            jpeg = bytes(buffer[:size])
            del buffer[:size]
            size = None
            yield jpeg


def _take_header(buffer: bytearray, most_bytes: int) -> int | None:
    header = _HEADER.match(buffer)
    if header is None:
        if len(buffer) > LONGEST_HEADER:
            raise ValueError("not a multipart JPEG stream")
        return None
    size = int(header[1])
    if size > most_bytes:
        raise OversizeFrame(f"a JPEG of {size} bytes; the limit is {most_bytes}")
    del buffer[: header.end()]
    return size
