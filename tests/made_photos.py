"""Photos of every format and kind, as programs and cameras write them."""

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
import pillow_heif
from PIL import Image

Tags = Sequence[tuple[int, int, Sequence[int] | bytes]]
ORIENTATION = 0x0112
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "BMP", "GIF")  # Pillow's names


def colors(width: int = 160, height: int = 120) -> Image.Image:
    """Smooth, and different in every corner."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([across, down, 255 - (across + down) / 2], axis=2).astype(np.uint8))


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    if form == "HEIF":
        pillow_heif.from_pillow(image).save(buffer, **{"quality": 95, **options})
    else:
        image.save(buffer, form, **({"quality": 95} | options if form in ("JPEG", "WEBP", "AVIF") else options))
    return buffer.getvalue()


def oriented(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif.tobytes()


def png_claiming(width: int, height: int, rows: bytes = bytes(1000)) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean, in levels."""
    assert one.size == other.size
    return float(np.abs(np.asarray(one.convert("RGB"), float) - np.asarray(other.convert("RGB"), float)).mean())


def tiff_of(bits: Sequence[int], color: int, *, numbers: int = 1, compression: int = 1, more: Tags = ()) -> bytes:
    """A whole TIFF of 16×16 black pixels, of a kind that Pillow does not write. `more`: tag, kind, values."""
    pixels = bytes(16 * 16 * sum(bits) // 8)
    tags: list[tuple[int, int, Sequence[int] | bytes]] = [
        *((256, 4, [16]), (257, 4, [16]), (258, 3, bits), (259, 3, [compression]), (262, 3, [color])),
        *((277, 3, [len(bits)]), (278, 4, [16]), (279, 4, [len(pixels)]), (339, 3, [numbers] * len(bits))),
        *more,
    ]
    values = 8 + 2 + 12 * (len(tags) + 1) + 4
    entries: list[bytes] = []
    kept = b""
    for tag, kind, value in tags:
        packed = value if isinstance(value, bytes) else struct.pack(f"<{len(value)}{'H' if kind == 3 else 'I'}", *value)
        if len(packed) > 4:
            place, kept = struct.pack("<I", values + len(kept)), kept + packed + bytes(len(packed) % 2)
        else:
            place = packed.ljust(4, b"\0")
        entries.append(struct.pack("<HHI", tag, kind, len(value)) + place)
    entries.append(struct.pack("<HHII", 273, 4, 1, values + len(kept)))
    entries.sort(key=lambda entry: entry[:2][::-1])
    directory = struct.pack("<H", len(entries)) + b"".join(entries)
    return b"II*\0\x08\0\0\0" + directory + bytes(4) + kept + pixels


def bitmap_of(bits: int, compression: int, body: bytes, masks: Sequence[int] = ()) -> bytes:
    """A BMP of 16×16 pixels, of a kind that Pillow does not write."""
    start = 14 + 40 + 4 * len(masks)
    header = struct.pack("<IiiHHIIiiII", 40, 16, 16, 1, bits, compression, len(body), 0, 0, 0, 0)
    rest = header + struct.pack(f"<{len(masks)}I", *masks) + body
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + rest
