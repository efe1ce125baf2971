"""What a photo's file says beside its pixels: EXIF orientation, and whether it moves. Bounded; nothing is decoded."""

import struct

from functions.common.errors import UnreadableMedia
from functions.video_split.source import PNG, WEBP, Container, Source

MOST_CHUNKS = 64  # visited before giving up; real files have the orientation among the first few
MOST_EXIF_BYTES = 1 << 16
ORIENTATION_TAG = 0x0112
WEBP_ANIMATED = 0x02
UPRIGHT = 1
ORIENTATIONS = range(1, 9)

_JPEG_STANDALONE = {0x01, *range(0xD0, 0xD8)}
_JPEG_FILL, _JPEG_EXIF, _JPEG_SCAN, _JPEG_END = 0xFF, 0xE1, 0xDA, 0xD9
_SHORTEST_JPEG_SEGMENT = 4  # marker and length
_RIFF_CHUNK_HEADER = 8


def orientation(source: Source, container: Container) -> int:
    """EXIF orientation, 1 to 8; 1 (upright) where there is none or it is damaged."""
    if container == PNG:
        exif = _png_exif(source)
    elif container == WEBP:
        exif = _webp_exif(source)
    else:
        exif = _jpeg_exif(source)
    return _orientation_tag(exif)


def require_still(source: Source, container: Container) -> None:
    flags = source.head[20:21] if container == WEBP and source.head[12:16] == b"VP8X" else b""
    if any(flag & WEBP_ANIMATED for flag in flags):
        raise UnreadableMedia("This is an animated WebP, which is not supported. Convert it to MP4 and upload that.")


def _jpeg_exif(source: Source) -> bytes:
    offset = 2
    for _ in range(MOST_CHUNKS):
        header = source.read(offset, 10)
        if len(header) < _SHORTEST_JPEG_SEGMENT or header[0] != _JPEG_FILL:
            break
        marker, size = header[1], int.from_bytes(header[2:4], "big")
        if marker == _JPEG_FILL or marker in _JPEG_STANDALONE:  # fill byte, or a marker without a length
            offset += 1 if marker == _JPEG_FILL else 2
            continue
        if marker in (_JPEG_SCAN, _JPEG_END):
            break
        if marker == _JPEG_EXIF and header[4:] == b"Exif\0\0":
            return source.read(offset + 10, size - 8)
        offset += 2 + size
    return b""


def _png_exif(source: Source) -> bytes:
    offset = 8
    for _ in range(MOST_CHUNKS):
        header = source.read(offset, 8)
        size, kind = int.from_bytes(header[:4], "big"), header[4:]
        if kind == b"eXIf":
            return source.read(offset + 8, min(size, MOST_EXIF_BYTES))
        if kind in (b"", b"IDAT", b"IEND"):
            break
        offset += 12 + size
    return b""


def _webp_exif(source: Source) -> bytes:
    offset = 12
    for _ in range(MOST_CHUNKS):
        header = source.read(offset, 8)
        size = int.from_bytes(header[4:], "little")
        if header[:4] == b"EXIF":
            return source.read(offset + 8, min(size, MOST_EXIF_BYTES)).removeprefix(b"Exif\0\0")
        if len(header) < _RIFF_CHUNK_HEADER:
            break
        offset += _RIFF_CHUNK_HEADER + size + size % 2
    return b""


def _orientation_tag(exif: bytes) -> int:
    """From the first directory of a TIFF header."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return UPRIGHT
    try:
        (directory,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, directory)
        for entry in range(entries):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, directory + 2 + 12 * entry)
            if tag == ORIENTATION_TAG:
                return value if value in ORIENTATIONS else UPRIGHT
    except struct.error:  # an offset that points outside
        return UPRIGHT
    return UPRIGHT
