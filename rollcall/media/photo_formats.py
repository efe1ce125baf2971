"""The photo formats: the first bytes of each, and its names for people and programs.

A new format needs an entry here, and one in `photo_pixels.py` that names its decoder.
"""

from collections.abc import Callable
from dataclasses import dataclass

HEAD_BYTES = 1024  # what a format is recognized by lies well before

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_ANY_CODEC = frozenset({b"mif1", b"mif2", b"msf1"})  # the brands that follow name the codec
_NOT_READ = {
    brand: name
    for name, brands in {
        "a JPEG XS photo": (b"jxs ", b"jxsi", b"jxse", b"jxsc", b"jxss"),
        "a photo in H.264 (AVCI)": (b"avci", b"avcs"),
        "a photo in H.266 (VVC)": (b"vvic", b"vvis"),
        "a photo in EVC": (b"evbi", b"evbs", b"evmi", b"evms"),
        "a JPEG 2000 photo in HEIF": (b"j2ki", b"j2is"),
        "a JPEG in HEIF": (b"jpeg", b"jpgs"),
    }.items()
    for brand in brands
}
_FIRST_COMPATIBLE = 16  # offset in the box of brands
_BITMAP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})  # bytes, by version: much else begins with BM


@dataclass(frozen=True, kw_only=True)
class PhotoFormat:
    name: str
    content_type: str
    suffixes: tuple[str, ...]
    starts: Callable[[bytes], bool]  # whether a file with these first bytes is one


def _starting_with(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(starts)


def _of_brand(brands: frozenset[bytes]) -> Callable[[bytes], bool]:
    return lambda head: _brand(head) in brands


def _brand(head: bytes) -> bytes:
    """The brand that names the codec of an ISO media file."""
    if head[4:8] != b"ftyp":
        return b""
    major = head[8:12]
    if major not in _ANY_CODEC:
        return major
    end = min(int.from_bytes(head[:4], "big"), len(head))
    compatible = [head[place : place + 4] for place in range(_FIRST_COMPATIBLE, end, 4)]
    codecs = _HEIC_BRANDS | _AVIF_BRANDS, _NOT_READ.keys()
    return next(
        (brand for known in codecs for brand in compatible if brand in known), b"avif" if b"av01" in head else b"heic"
    )


def not_read(head: bytes) -> str | None:
    """The name of a photo in HEIC's container, if its codec cannot be decoded here."""
    brands = int.from_bytes(head[:4], "big")
    is_photo = head[4:8] == b"ftyp" and head[brands + 4 : brands + 8] == b"meta" and b"pict" in head
    return _NOT_READ.get(_brand(head), "a photo in HEIF of an unknown kind" if is_photo else None)


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _is_tiff(head: bytes) -> bool:
    camera_raw = head[8:10] == b"CR"  # Canon's CR2
    return head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")) and not camera_raw


def _is_bitmap(head: bytes) -> bool:
    return head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS


JPEG = PhotoFormat(
    name="JPEG",
    content_type="image/jpeg",
    suffixes=(".jpg", ".jpeg", ".jpe", ".jfif"),
    starts=_starting_with(b"\xff\xd8\xff"),
)
PNG = PhotoFormat(
    name="PNG", content_type="image/png", suffixes=(".png", ".apng"), starts=_starting_with(b"\x89PNG\r\n\x1a\n")
)
WEBP = PhotoFormat(name="WebP", content_type="image/webp", suffixes=(".webp",), starts=_is_webp)
HEIC = PhotoFormat(
    name="HEIC", content_type="image/heic", suffixes=(".heic", ".heif", ".hif"), starts=_of_brand(_HEIC_BRANDS)
)
AVIF = PhotoFormat(name="AVIF", content_type="image/avif", suffixes=(".avif",), starts=_of_brand(_AVIF_BRANDS))
TIFF = PhotoFormat(name="TIFF", content_type="image/tiff", suffixes=(".tif", ".tiff"), starts=_is_tiff)
BMP = PhotoFormat(name="BMP", content_type="image/bmp", suffixes=(".bmp", ".dib"), starts=_is_bitmap)
GIF = PhotoFormat(name="GIF", content_type="image/gif", suffixes=(".gif",), starts=_starting_with(b"GIF87a", b"GIF89a"))

FORMATS = (JPEG, PNG, WEBP, HEIC, AVIF, TIFF, BMP, GIF)
NAMES = ", ".join(known.name for known in FORMATS[:-1]) + f" or {FORMATS[-1].name}"
SUFFIXES = frozenset(suffix for known in FORMATS for suffix in known.suffixes)


def photo_format(head: bytes) -> PhotoFormat | None:
    """The format of a photo by its first bytes, `HEAD_BYTES` of them or more; None for anything but a photo.

    A GIF that moves is a video. Only reading on can tell.
    """
    return next((known for known in FORMATS if known.starts(head)), None)
