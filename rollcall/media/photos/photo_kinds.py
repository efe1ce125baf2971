"""Kinds of photos within a format that are not read, and the messages that replace "damaged"."""

import re
import struct
from collections.abc import Callable, Mapping

from rollcall.contracts.errors import UnreadableMedia
from rollcall.media.photo_formats import BMP, HEIC, JPEG, PNG, TIFF, PhotoFormat
from rollcall.media.photos.jpeg_scans import FRAMES, segments
from rollcall.media.photos.tiff_directory import Entry, first_directory, is_classic, numbers
from rollcall.media.refusals import EXPORT, not_supported

# TIFF tags
_KIND_OF_PICTURE, _BITS, _COMPRESSION, _COLORS, _MAKE, _ALPHA, _NUMBERS = 254, 258, 259, 262, 271, 338, 339
_PARTS, _DNG_VERSION = 330, 50706
_REDUCED = 1  # a bit of the kind of picture: the first one is a small preview, as in most raw photos
_SENSOR_COLORS = frozenset({32803, 34892})  # of each pixel one, as the sensor has it; or all, but no color space
_RAW_COMPRESSIONS = frozenset({32767, 32769, 32770, 34713, 34892, 65000, 65535})
_RAW_BY_MAKE = (
    (b"NIKON", "NEF"),
    (b"SONY", "ARW"),
    (b"PENTAX", "PEF"),
    (b"SAMSUNG", "SRW"),
    (b"HASSELBLAD", "3FR"),
    (b"Canon", "CR2"),
    (b"KODAK", "DCR"),
    (b"Kodak", "DCR"),
    (b"EPSON", "ERF"),
    (b"Mamiya", "MEF"),
    (b"Leaf", "MOS"),
)
_TIFF_COMPRESSIONS = {
    34661: "JBIG",
    34712: "JPEG 2000",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34887: "LERC",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_TIFF_COLORS = {0: "gray", 1: "gray", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr", 8: "Lab", 9: "Lab", 10: "Lab"}
_TIFF_NUMBERS = {2: "signed ", 3: "floating-point ", 5: "complex ", 6: "complex "}
_DEPTHS = frozenset({*range(1, 17), 24, 32, 64, 128})  # bits a sample; other depths are damage
_JPEG_FRAMES = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF})  # lossless or hierarchical ones
_JPEG_BITS = frozenset({12, 16})
_HEIF_ITEMS = {
    b"avc1": "H.264",
    b"jpeg": "JPEG",
    b"j2k1": "JPEG 2000",
    b"vvc1": "H.266",
    b"evc1": "EVC",
    b"jxs1": "JPEG XS",
    b"unci": "no compression",
}
_HEIF_ITEM = re.compile(rb"infe(?:\x02.{7}|\x03.{9})(" + b"|".join(_HEIF_ITEMS) + rb")", re.DOTALL)
_META_BYTES = 1 << 16
_BITMAP_DEPTHS = frozenset({0, 1, 2, 4, 8, 16, 24, 32, 48, 64})


def require_no_raw(photo: bytes) -> None:
    """Refuse a camera's raw photo: a TIFF whose first picture often is a small preview, which must not pass for the
    photo.
    """
    if not is_classic(photo):
        return
    try:
        tags = first_directory(photo)
    except struct.error:
        return
    kind, make = numbers(tags, _KIND_OF_PICTURE), tags.get(_MAKE, b"")
    by_make = next((name for start, name in _RAW_BY_MAKE if isinstance(make, bytes) and make.startswith(start)), None)
    if _DNG_VERSION in tags:
        raise not_supported("a camera's raw photo (DNG)", EXPORT)
    of_sensor = _SENSOR_COLORS & {*numbers(tags, _COLORS)} or _RAW_COMPRESSIONS & {*numbers(tags, _COMPRESSION)}
    if of_sensor or (kind and kind[0] & _REDUCED) or (by_make and _PARTS in tags):
        raise not_supported(f"a camera's raw photo ({by_make or 'based on TIFF'})", EXPORT)


def unsupported(photo: bytes, form: PhotoFormat, error: Exception) -> UnreadableMedia | None:
    """The reason that the decoder raised `error`, if it is not damage."""
    find = _KINDS.get(form)
    kind = find(photo, str(error)) if find is not None else None
    return None if kind is None else not_supported(kind, EXPORT)


def _tiff(photo: bytes, error: str) -> str | None:
    if not is_classic(photo):
        return "a BigTIFF of this kind" if _UNKNOWN_PIXELS in error else None
    try:
        tags = first_directory(photo)
    except struct.error:
        return None
    (compression, *_) = numbers(tags, _COMPRESSION) or (1,)
    if compression in _TIFF_COMPRESSIONS or error == str(compression):
        method = _TIFF_COMPRESSIONS.get(compression, f"method {compression}")
        return f"a TIFF whose picture is compressed by {method}"
    return _tiff_pixels(tags) if _UNKNOWN_PIXELS in error else None


def _tiff_pixels(tags: Mapping[int, Entry]) -> str | None:
    bits, kinds = set(numbers(tags, _BITS)) or {1}, set(numbers(tags, _NUMBERS)) or {1}
    color = _TIFF_COLORS.get(*(numbers(tags, _COLORS)[:1] or (-1,)))
    if color is None or not bits <= _DEPTHS:
        return None
    depth = "/".join(map(str, sorted(bits)))
    alpha = " with transparency" if numbers(tags, _ALPHA) else ""
    return f"a TIFF of {depth}-bit {_TIFF_NUMBERS.get(min(kinds), '')}{color}{alpha}"


def _bitmap(photo: bytes, error: str) -> str | None:
    depth = int.from_bytes(photo[28:30], "little")
    if not error.startswith("Unsupported BMP") or depth not in _BITMAP_DEPTHS:
        return None
    if "bitfields" in error:
        return f"a BMP with unusual color masks ({depth} bits a pixel)"
    return f"a BMP with {depth} bits a pixel, compressed by method {int.from_bytes(photo[30:34], 'little')}"


def _jpeg(photo: bytes, error: str) -> str | None:
    marker, body = next(((marker, body) for marker, body in segments(photo) if marker in FRAMES), (0, b""))
    if marker in _JPEG_FRAMES:
        return "a JPEG of the lossless or hierarchical kind"
    return f"a JPEG of {body[0]} bits a color" if body[:1] and body[0] in _JPEG_BITS else None


def _png(photo: bytes, error: str) -> str | None:
    return "a PNG that Apple's tools changed for apps (CgBI)" if photo[12:16] == b"CgBI" else None


def _heif(photo: bytes, error: str) -> str | None:
    head = photo[:_META_BYTES]
    item = None if b"hvc1" in head else _HEIF_ITEM.search(head)
    return None if item is None else f"a HEIF photo in {_HEIF_ITEMS[item[1]]}"


_UNKNOWN_PIXELS = "unknown pixel mode"  # Pillow's words
_KINDS: Mapping[PhotoFormat, Callable[[bytes, str], str | None]] = {
    TIFF: _tiff,
    BMP: _bitmap,
    JPEG: _jpeg,
    PNG: _png,
    HEIC: _heif,
}
