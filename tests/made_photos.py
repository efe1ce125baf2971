"""Photos of every format and kind, as programs and cameras write them."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
from PIL import Image

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
