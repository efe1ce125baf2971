"""What a photo's bytes say before anything is decoded: its size in pixels, and whether all of it is there."""

import struct
from dataclasses import dataclass

from functions.common.errors import TruncatedMedia, UnreadableMedia

DAMAGED = "The photo is damaged: its header makes no sense. Export it again as JPEG or PNG."
INCOMPLETE = "The photo is incomplete: its end is missing. Upload it again from the original."

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0…SOF15 without tables and extensions
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_JPEG_FILL, _JPEG_SCAN, _JPEG_END = 0xFF, 0xDA, 0xD9
_VP8_SYNC = b"\x9d\x01\x2a"
_VP8L_SIGNATURE = 0x2F


@dataclass(frozen=True)
class Size:
    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height


def size_of(photo: bytes) -> Size:
    """Of the stored picture, before it is turned upright; raise MediaError for a photo that is not whole."""
    try:
        size = _size(photo)
    except (struct.error, IndexError):
        raise TruncatedMedia(INCOMPLETE) from None
    if size.pixels == 0:
        raise UnreadableMedia(DAMAGED)
    return size


def _size(photo: bytes) -> Size:
    if photo.startswith(b"\xff\xd8"):
        return _jpeg(photo)
    if photo.startswith(b"\x89PNG"):
        return _png(photo)
    return _webp(photo)


def _jpeg(photo: bytes) -> Size:
    offset, size = 2, None
    while True:
        if photo[offset] != _JPEG_FILL:
            raise UnreadableMedia(DAMAGED)
        marker = photo[offset + 1]
        if marker == _JPEG_FILL or marker in _JPEG_ALONE:
            offset += 1 if marker == _JPEG_FILL else 2
            continue
        if marker in (_JPEG_SCAN, _JPEG_END):
            break
        (length,) = struct.unpack_from(">H", photo, offset + 2)
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", photo, offset + 5)
            size = Size(width, height)
        offset += 2 + length
    if size is None or marker == _JPEG_END:
        raise UnreadableMedia(DAMAGED)
    # within a scan FF is followed by 00 or a restart marker, so an FF D9 after its start is the end of the picture
    if photo.find(b"\xff\xd9", offset) < 0:
        raise TruncatedMedia(INCOMPLETE)
    return size


def _png(photo: bytes) -> Size:
    length, kind, width, height = struct.unpack_from(">I4sII", photo, 8)
    if (length, kind) != (13, b"IHDR"):
        raise UnreadableMedia(DAMAGED)
    offset = 8
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", photo, offset)
        offset += 12 + length
    return Size(width, height)


def _webp(photo: bytes) -> Size:
    riff_size, kind = struct.unpack_from("<I4x4s", photo, 4)
    if len(photo) < 8 + riff_size:
        raise TruncatedMedia(INCOMPLETE)
    if kind == b"VP8X":
        return Size(1 + int.from_bytes(photo[24:27], "little"), 1 + int.from_bytes(photo[27:30], "little"))
    if kind == b"VP8L" and photo[20] == _VP8L_SIGNATURE:
        (packed,) = struct.unpack_from("<I", photo, 21)
        return Size(1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF))
    if kind == b"VP8 " and photo[23:26] == _VP8_SYNC:
        width, height = struct.unpack_from("<HH", photo, 26)
        return Size(width & 0x3FFF, height & 0x3FFF)
    raise UnreadableMedia(DAMAGED)
