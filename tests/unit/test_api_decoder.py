"""Photos that the API decodes itself: made by OpenCV, whole, cut and lying."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from functions.api.decoder import decode
from functions.common.errors import MediaError, NoVideo, TooManyPixels, TruncatedMedia, UnreadableMedia

SUFFIXES = (".jpg", ".png", ".webp")


def picture(width: int = 61, height: int = 40) -> np.ndarray:
    gradient = np.linspace(0, 255, width * height * 3).reshape(height, width, 3)
    return gradient.astype(np.uint8)


def photo(suffix: str, image: np.ndarray | None = None) -> bytes:
    return cv2.imencode(suffix, picture() if image is None else image)[1].tobytes()


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_photo_without_its_end_is_refused(suffix: str, share: float) -> None:
    whole = photo(suffix)

    with pytest.raises(TruncatedMedia, match="its end is missing"):
        decode(whole[: int(share * len(whole))], max_pixels=10_000)


def test_a_progressive_jpeg_is_whole() -> None:
    progressive = cv2.imencode(".jpg", picture(), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()

    assert decode(progressive, max_pixels=10_000).shape == (40, 61, 3)


def test_a_png_that_claims_more_pixels_than_allowed_is_refused_before_decoding() -> None:
    bomb = png(20_000, 20_000, bytes(60_001 * 20))

    with pytest.raises(TooManyPixels, match="400 megapixels; the limit is 25"):
        decode(bomb, max_pixels=25_000_000)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", UnreadableMedia),
        (b"no picture at all", UnreadableMedia),
        (b"GIF89a" + bytes(100), NoVideo),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(100), NoVideo),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", TruncatedMedia),
        (b"\xff\xd8\xff\xd9" + bytes(100), UnreadableMedia),
        (png(0, 10), UnreadableMedia),
        (png(10, 10, b"too little"), UnreadableMedia),
    ],
)
def test_what_is_no_photo_is_refused_with_a_reason(body: bytes, error: type[MediaError]) -> None:
    with pytest.raises(error, match=r"\w+ .*\."):
        decode(body, max_pixels=1_000_000)


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_what_is_transparent_becomes_white(suffix: str) -> None:
    image = np.zeros((20, 20, 4), dtype=np.uint8)
    image[:, 10:, 3] = 255

    decoded = decode(photo(suffix, image), max_pixels=1000)

    assert (decoded[:, :8] > 250).all()
    assert (decoded[:, 12:] < 5).all()


@pytest.mark.parametrize("image", [picture()[:, :, 0], picture().astype(np.uint16) * 257])
def test_grey_and_deep_pngs_decode_to_colour(image: np.ndarray) -> None:
    decoded = decode(photo(".png", image), max_pixels=10_000)

    assert decoded.shape == (40, 61, 3)
    expected = np.broadcast_to(picture()[:, :, :1], decoded.shape) if image.ndim == 2 else picture()
    assert np.abs(decoded.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int) -> None:
    upright = np.zeros((32, 48, 3), dtype=np.uint8)
    upright[:16, :24] = 255  # a light corner at the top left, on a picture that is wider than high
    turned = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)
    plain = photo(".jpg", np.ascontiguousarray(turned))
    stored = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]

    decoded = decode(stored, max_pixels=10_000)

    assert decoded.shape == upright.shape
    assert decoded[8, 8].min() > 240
    assert max(decoded[8, 40].max(), decoded[24, 8].max(), decoded[24, 40].max()) < 15
