"""How many bytes a file should have, by its own header: a file with fewer was cut.

A header may lie, so no file is refused for this alone. The picture must also end early, or be missing.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rollcall.media.containers import MATROSKA, MOV, MXF_HEADER
from rollcall.media.source import Source

_MOST_PARTS = 64  # of a file that are gone through: each may cost a request
_SEGMENT = b"\x18\x53\x80\x67"
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_LIVE = 1  # a flag: sizes and times are not known yet
_MOST_GIF_BYTES = 1 << 25
_GIF_EXTENSION, _GIF_PICTURE = 0x21, 0x2C
_GIF_END = b"\0;"
_GIF_BLOCKS = (_GIF_EXTENSION, _GIF_PICTURE)
_FLV_SIZE = b"\0\x08filesize\0"


@dataclass(frozen=True)
class Claim:
    size: int = 0  # bytes; 0 where nothing says
    seconds: float = 0.0  # to the end of the last picture or sound; 0 where nothing says, or ffprobe tells it


def claim_of(source: Source, demuxer: str) -> Claim:
    read = _BY_DEMUXER.get(demuxer)
    try:
        return read(source) if read is not None else Claim()
    except (struct.error, IndexError):  # it ends within its header
        return Claim()


def _boxes(source: Source) -> Claim:
    at = 0
    for _ in range(_MOST_PARTS):
        if at >= source.size:
            break
        header = source.read(at, 16)
        if len(header) < 8:  # noqa: PLR2004
            return Claim(at + 8)
        size, kind = struct.unpack_from(">I4s", header)
        if size == 1:
            (size,) = struct.unpack_from(">Q", header, 8)
        if size < 8 or not kind.isalnum():  # noqa: PLR2004
            return Claim()  # the rest of the file, or no box
        at += size
    return Claim(at)


def _matroska(source: Source) -> Claim:
    header, start = _matroska_number(source.head, 4)
    start += header
    if source.head[start : start + 4] != _SEGMENT:
        return Claim()
    size, start = _matroska_number(source.head, start + 4)
    return Claim(start + size) if size else Claim()


def _matroska_number(head: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends; 0 for an unknown one."""
    (first,) = struct.unpack_from("B", head, at)
    length = 9 - first.bit_length()
    number = int.from_bytes(head[at : at + length], "big") & (1 << 7 * length) - 1
    return (0 if number == (1 << 7 * length) - 1 else number), at + length


def _avi(source: Source) -> Claim:
    frames, seconds_each = _avi_frames(source.head)
    end = 0
    for _ in range(_MOST_PARTS):
        header = source.read(end + end % 2, 12)
        if header[:4] != b"RIFF" or len(header) < 12:  # noqa: PLR2004
            break
        size = int.from_bytes(header[4:8], "little")
        if not size:  # the recorder did not come to fill it in
            return Claim()
        end += end % 2 + 8 + size
    return Claim(end, frames * seconds_each)


def _avi_frames(head: bytes) -> tuple[int, float]:
    """The number of frames, and the seconds of each."""
    main, extended = head.find(b"avih"), head.find(b"dmlh")
    if main < 0:
        return 0, 0.0
    each, frames = struct.unpack_from("<I", head, main + 8)[0], struct.unpack_from("<I", head, main + 24)[0]
    if extended > 0:
        frames = max(frames, struct.unpack_from("<I", head, extended + 8)[0])
    return frames, each / 1e6


def _mxf(source: Source) -> Claim:
    start = source.head.find(MXF_HEADER)
    (first,) = struct.unpack_from("B", source.head, start + 16)
    value = start + 17 + (first & 0x7F if first & 0x80 else 0)
    (footer,) = struct.unpack_from(">Q", source.head, value + 24)
    return Claim(start + footer + len(MXF_HEADER)) if footer else Claim()


def _asf(source: Source) -> Claim:
    at = source.head.find(_ASF_PROPERTIES)
    if at < 0:
        return Claim()
    size, _, _, plays, _, before, flags = struct.unpack_from("<QQQQQQI", source.head, at + 40)
    return Claim() if flags & _ASF_LIVE else Claim(size, plays / 1e7 - before / 1e3)


def _flv(source: Source) -> Claim:
    at = source.head.find(_FLV_SIZE)
    if at < 0:
        return Claim()
    (size,) = struct.unpack_from(">d", source.head, at + len(_FLV_SIZE))
    return Claim(int(size)) if 0 < size < 1 << 50 else Claim()


def _gif(source: Source) -> Claim:
    """The header does not say how long it is, but its blocks show whether the last one is whole."""
    if source.size > _MOST_GIF_BYTES:
        return Claim()
    content = source.read(0, source.size)
    at = 13 + _gif_colors(content[10])
    while at < len(content) and content[at] in _GIF_BLOCKS:
        at += 2 if content[at] == _GIF_EXTENSION else 11 + _gif_colors(content[at + 9])
        while at < len(content) and content[at]:
            at += 1 + content[at]
        at += 1
    return Claim(at + len(_GIF_END)) if at > len(content) else Claim()


def _gif_colors(flags: int) -> int:
    """Bytes of the table that follows."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


_BY_DEMUXER: Mapping[str, Callable[[Source], Claim]] = {
    MOV.demuxer: _boxes,
    MATROSKA.demuxer: _matroska,
    "avi": _avi,
    "mxf": _mxf,
    "asf": _asf,
    "flv": _flv,
    "gif": _gif,
}
