"""What the header of a JPEG, PNG or WebP says, read by byte ranges. Bounded; nothing is decoded."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from functions.common.errors import TruncatedMedia, UnreadableMedia
from functions.common.exif import orientation_of

DAMAGED = "The photo is damaged: its header makes no sense. Export it again as JPEG or PNG."
INCOMPLETE = "The photo is incomplete: its end is missing. Upload it again from the original."
ANIMATED = "This is an animated WebP, which is not supported. Convert it to MP4 and upload that."

MOST_PARTS = 512  # visited before the pixels; a phone's depth map takes some hundred segments of 64 KiB
MOST_EXIF_BYTES = 1 << 16
MOST_GARBAGE = 4096  # bytes between two segments of a JPEG, which decoders skip

_JPEG_MARKER = re.compile(rb"\xff+([\x01-\xfe])")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0…SOF15 without tables and extensions
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_JPEG_EXIF, _JPEG_SCAN, _JPEG_END = 0xE1, 0xDA, 0xD9
_WITH_BLACK = 4  # components; decoders give the fourth as transparency where nothing says that it is ink
_PNG_ALPHA = frozenset({4, 6})  # colour types
_WEBP_ANIMATED = 0x02
_WEBP_ALPHA = frozenset({b"ALPH", b"VP8L"})  # the second says whether it has any, but as a hint only
_VP8_SYNC = b"\x9d\x01\x2a"
_VP8L_SIGNATURE = b"\x2f"


class ByteRanges(Protocol):
    def read(self, offset: int, size: int) -> bytes:
        """Fewer bytes than `size` where the file ends."""


@dataclass(frozen=True)
class InMemory:
    photo: bytes

    def read(self, offset: int, size: int) -> bytes:
        return self.photo[offset : offset + size]


@dataclass(frozen=True, kw_only=True)
class PhotoHeader:
    width: int  # pixels as they are stored, before the photo is turned upright
    height: int
    orientation: int = 1  # EXIF's, 1 to 8
    transparent: bool = False  # perhaps

    @property
    def pixels(self) -> int:
        return self.width * self.height


def read_header(photo: ByteRanges) -> PhotoHeader:
    """Of what starts as a JPEG, PNG or WebP; raise MediaError where it is damaged, cut off or an animation's."""
    start = photo.read(0, 4)
    if start.startswith(b"\xff\xd8"):
        header = _jpeg(photo)
    elif start == b"\x89PNG":
        header = _png(photo)
    else:
        header = _webp(photo)
    if header.pixels == 0:
        raise UnreadableMedia(DAMAGED)
    return header


def require_whole(photo: bytes) -> None:
    """Raise TruncatedMedia for a photo whose header can be read, but whose end is missing."""
    if not _whole(photo):
        raise TruncatedMedia(INCOMPLETE)


def _whole(photo: bytes) -> bool:
    if photo.startswith(b"\xff\xd8"):
        segments = _jpeg_segments(InMemory(photo))
        scan = next((offset for marker, offset in segments if marker == _JPEG_SCAN), len(photo))
        # within a scan FF is followed by 00 or a restart marker, so an FF D9 after its start is the end of the picture
        return photo.find(b"\xff\xd9", scan) >= 0
    if photo.startswith(b"\x89PNG"):
        return any(kind == b"IEND" for kind, _, _ in _png_chunks(InMemory(photo)))
    return len(photo) >= 8 + int.from_bytes(photo[4:8], "little")


def _exactly(photo: ByteRanges, offset: int, size: int) -> bytes:
    found = photo.read(offset, size)
    if len(found) < size:
        raise TruncatedMedia(INCOMPLETE)
    return found


def _jpeg(photo: ByteRanges) -> PhotoHeader:
    frame = exif = b""
    for marker, offset in _jpeg_segments(photo):
        if marker in _JPEG_FRAMES:
            frame = _exactly(photo, offset + 3, 5)
        elif marker == _JPEG_EXIF and not exif and photo.read(offset + 2, 6) == b"Exif\0\0":
            exif = photo.read(offset + 8, max(0, _jpeg_length(photo, offset) - 8))
        elif marker in (_JPEG_SCAN, _JPEG_END):
            break
    if not frame or marker != _JPEG_SCAN:
        raise UnreadableMedia(DAMAGED)
    height, width, components = struct.unpack(">HHB", frame)
    return PhotoHeader(
        width=width, height=height, orientation=orientation_of(exif), transparent=components == _WITH_BLACK
    )


def _jpeg_segments(photo: ByteRanges) -> Iterator[tuple[int, int]]:
    """Each marker, and the offset of what follows it."""
    offset = 2
    for _ in range(MOST_PARTS):
        ahead = photo.read(offset, MOST_GARBAGE)
        found = _JPEG_MARKER.search(ahead)
        if found is None:
            raise TruncatedMedia(INCOMPLETE) if len(ahead) < MOST_GARBAGE else UnreadableMedia(DAMAGED)
        marker = found[1][0]
        offset += found.end()
        yield marker, offset
        if marker not in _JPEG_ALONE:
            offset += _jpeg_length(photo, offset)


def _jpeg_length(photo: ByteRanges, offset: int) -> int:
    return int.from_bytes(_exactly(photo, offset, 2), "big")


def _png(photo: ByteRanges) -> PhotoHeader:
    length, kind, width, height, colour = struct.unpack(">I4sIIxB", _exactly(photo, 8, 18))
    if (length, kind) != (13, b"IHDR"):
        raise UnreadableMedia(DAMAGED)
    transparent, exif = colour in _PNG_ALPHA, b""
    for kind, offset, size in islice(_png_chunks(photo), MOST_PARTS):
        if kind == b"tRNS":
            transparent = True
        elif kind == b"eXIf":
            exif = photo.read(offset, min(size, MOST_EXIF_BYTES))
        elif kind == b"IDAT":
            break
    return PhotoHeader(width=width, height=height, orientation=orientation_of(exif), transparent=transparent)


def _png_chunks(photo: ByteRanges) -> Iterator[tuple[bytes, int, int]]:
    """Kind, offset and size of each chunk's content, as far as the file reaches."""
    offset = 8
    while len(header := photo.read(offset, 8)) == 8:  # noqa: PLR2004
        size, kind = struct.unpack(">I4s", header)
        yield kind, offset + 8, size
        offset += 12 + size


def _webp(photo: ByteRanges) -> PhotoHeader:
    first = _exactly(photo, 12, 8)[:4]
    if first not in (*_VP8_SIZES, b"VP8X"):
        raise UnreadableMedia(DAMAGED)
    extended = first == b"VP8X"
    if extended and _exactly(photo, 20, 1)[0] & _WEBP_ANIMATED:
        raise UnreadableMedia(ANIMATED)
    size, transparent, exif = None, False, b""
    for kind, offset, length in islice(_webp_chunks(photo), MOST_PARTS if extended else 1):
        if kind in _VP8_SIZES:
            needed, size_of = _VP8_SIZES[kind]
            size = size_of(_exactly(photo, offset, needed))
        elif kind == b"EXIF":
            exif = photo.read(offset, min(length, MOST_EXIF_BYTES)).removeprefix(b"Exif\0\0")
        transparent |= kind in _WEBP_ALPHA
    if size is None:
        raise TruncatedMedia(INCOMPLETE)
    return PhotoHeader(width=size[0], height=size[1], orientation=orientation_of(exif), transparent=transparent)


def _webp_chunks(photo: ByteRanges) -> Iterator[tuple[bytes, int, int]]:
    offset = 12
    while len(header := photo.read(offset, 8)) == 8:  # noqa: PLR2004
        kind, size = struct.unpack("<4sI", header)
        yield kind, offset + 8, size
        offset += 8 + size + size % 2


def _vp8_size(frame: bytes) -> tuple[int, int]:
    if frame[3:6] != _VP8_SYNC:
        raise UnreadableMedia(DAMAGED)
    width, height = struct.unpack_from("<HH", frame, 6)
    return width & 0x3FFF, height & 0x3FFF


def _vp8l_size(frame: bytes) -> tuple[int, int]:
    if not frame.startswith(_VP8L_SIGNATURE):
        raise UnreadableMedia(DAMAGED)
    (packed,) = struct.unpack_from("<I", frame, 1)
    return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)


_VP8_SIZES = {b"VP8 ": (10, _vp8_size), b"VP8L": (5, _vp8l_size)}  # from how many bytes of the picture
