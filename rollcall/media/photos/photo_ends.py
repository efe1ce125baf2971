"""Whether a photo has its end, by its structure: a photo that cannot be decoded is either incomplete or damaged."""

import struct
from collections.abc import Callable, Mapping

from rollcall.media.photo_formats import AVIF, BMP, GIF, HEIC, JPEG, PNG, TIFF, WEBP, PhotoFormat
from rollcall.media.photos.tiff_directory import first_directory, is_classic, numbers

_MOST_BOXES = 10_000
_SCAN, _END = b"\xff\xda", b"\xff\xd9"  # JPEG markers


def has_end(photo: bytes, form: PhotoFormat) -> bool:
    return _ENDS[form](photo)


def _jpeg(photo: bytes) -> bool:
    # Within a scan FF is followed by 00 or a restart marker. So an FF D9 after its start is the end of the picture.
    # The ends of thumbnails come before.
    return photo.rfind(_END) > photo.rfind(_SCAN)


def _png(photo: bytes) -> bool:
    return photo.rfind(b"IEND") > 0


def _webp(photo: bytes) -> bool:
    return len(photo) >= 8 + int.from_bytes(photo[4:8], "little")


def _gif(photo: bytes) -> bool:
    return photo.rstrip(b"\0").endswith(b";")


def _bmp(photo: bytes) -> bool:
    return len(photo) >= int.from_bytes(photo[2:6], "little")


def _tiff(photo: bytes) -> bool:
    """Whether the first directory, and the strips or tiles that it names, lie within the file."""
    if not is_classic(photo):
        return True
    try:
        places = first_directory(photo)
    except struct.error:
        return False
    return all(
        offset + size <= len(photo)
        for offsets, sizes in ((273, 279), (324, 325))  # tags: of strips, and of tiles
        for offset, size in zip(numbers(places, offsets), numbers(places, sizes), strict=False)
    )


def _boxes(photo: bytes) -> bool:
    """Each box says its size; 1 stands for a longer number behind it, and 0 for the rest of the file."""
    offset, kinds = 0, set[bytes]()
    for _ in range(_MOST_BOXES):
        if offset >= len(photo):
            break
        try:
            size, kind = struct.unpack_from(">I4s", photo, offset)
            if size == 1:
                (size,) = struct.unpack_from(">Q", photo, offset + 8)
        except struct.error:
            return False
        kinds.add(kind)
        offset = offset + max(size, 8) if size else len(photo)
    return offset <= len(photo) and b"meta" in kinds and (b"mdat" in kinds or b"idat" in photo)


_ENDS: Mapping[PhotoFormat, Callable[[bytes], bool]] = {
    JPEG: _jpeg,
    PNG: _png,
    WEBP: _webp,
    GIF: _gif,
    BMP: _bmp,
    HEIC: _boxes,
    AVIF: _boxes,
    TIFF: _tiff,
}
