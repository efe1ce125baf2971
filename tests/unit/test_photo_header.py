"""Headers as programs and cameras write them, as they are cut off, and as somebody might make them up."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from functions.common.errors import MediaError, TruncatedMedia, UnreadableMedia
from functions.common.photo_header import MOST_PARTS, InMemory, PhotoHeader, read_header, require_whole
from functions.video_split.source import HEAD_BYTES, LocalFile

FORMS = ("JPEG", "PNG", "WEBP")


def header(photo: bytes) -> PhotoHeader:
    return read_header(InMemory(photo))


def noise(size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Image.Image:
    return Image.effect_noise(size, 60).convert(mode)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def exif(value: int, order: str = "<") -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entries = ((0x010F, 2, 1, 0), (0x0112, 3, 1, value if order == "<" else value << 16), (0x0128, 3, 1, 2))
    packed = b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries)
    return mark + struct.pack(f"{order}IH", 8, len(entries)) + packed + bytes(4)


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg(*segments: bytes) -> bytes:
    """With these in front of what a real one has."""
    plain = saved(noise(), "JPEG")
    return plain[:2] + b"".join(segments) + plain[2:]


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    def packed(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return b"\x89PNG\r\n\x1a\n" + b"".join(packed(*chunk) for chunk in chunks)


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(held)) + held + bytes(len(held) % 2) for kind, held in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def only_chunk(photo: bytes) -> tuple[bytes, bytes]:
    (size,) = struct.unpack_from("<I", photo, 16)
    return photo[12:16], photo[20 : 20 + size]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"lossless": True}, {"quality": 1}])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [(1, 1), (61, 40), (40, 61), (1025, 3)])
def test_size(form: str, size: tuple[int, int], options: dict[str, object]) -> None:
    photo = saved(noise(size), form, **options)
    found = header(photo)
    assert (found.width, found.height, found.pixels) == (*size, size[0] * size[1])
    require_whole(photo)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("value", range(1, 9))
def test_orientation(form: str, order: str, value: int) -> None:
    found = header(saved(noise(), form, exif=b"Exif\0\0" + exif(value, order)))
    assert (found.orientation, found.width, found.height) == (value, 64, 48)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
        b"nonsense",
        exif(0),
        exif(9),
        exif(6)[:-30],
    ],
)
def test_damaged_exif_is_upright(form: str, damaged: bytes) -> None:
    assert header(saved(noise(), form, exif=b"Exif\0\0" + damaged)).orientation == 1


def test_the_first_exif_of_a_jpeg_counts() -> None:
    photo = jpeg(
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0"), *(segment(0xE1, b"Exif\0\0" + exif(v)) for v in (6, 3))
    )
    assert header(photo).orientation == 6


@pytest.mark.parametrize(
    ("mode", "form", "options", "transparent"),
    [
        ("RGB", "JPEG", {}, False),
        ("L", "JPEG", {}, False),
        ("CMYK", "JPEG", {}, True),  # ffmpeg may hand out the fourth component as transparency
        ("RGB", "PNG", {}, False),
        ("L", "PNG", {}, False),
        ("P", "PNG", {}, False),
        ("1", "PNG", {}, False),
        ("I;16", "PNG", {}, False),
        ("RGBA", "PNG", {}, True),
        ("LA", "PNG", {}, True),
        ("P", "PNG", {"transparency": 3}, True),
        ("RGB", "PNG", {"transparency": (1, 2, 3)}, True),
        ("L", "PNG", {"transparency": 7}, True),
        ("RGB", "WEBP", {}, False),
        ("RGBA", "WEBP", {}, True),
        ("RGBA", "WEBP", {"lossless": True}, True),
    ],
)
def test_transparent(mode: str, form: str, options: dict[str, object], transparent: bool) -> None:
    image = Image.fromarray(np.zeros((8, 8), np.uint16)) if mode == "I;16" else noise().convert(mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(100)
    assert header(saved(image, form, **options)).transparent is transparent


@pytest.mark.parametrize(
    "between", [b"", b"\xff\xff\xff", b"\0\0\0", b"\xff\0\xff\0", b"\xff\x01", b"\xff\xd0", bytes(2000)]
)
def test_what_decoders_skip_between_segments_is_skipped(between: bytes) -> None:
    assert header(jpeg(segment(0xFE, b"remark"), between)).pixels == 64 * 48


def test_metadata_of_megabytes_is_walked_over(tmp_path: Path) -> None:
    large = [segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(60_000)) for _ in range(100)]
    (tmp_path / "p").write_bytes(jpeg(*large, segment(0xE1, b"Exif\0\0" + exif(8))))
    found = read_header(LocalFile(tmp_path / "p"))
    assert (found.width, found.height, found.orientation) == (64, 48, 8)


def test_exif_behind_the_pixels(tmp_path: Path) -> None:
    photo = saved(noise((400, 400)), "WEBP", lossless=True, exif=b"Exif\0\0" + exif(6))
    assert photo.index(b"EXIF") > HEAD_BYTES  # out of what is read first
    (tmp_path / "p").write_bytes(photo)
    assert read_header(LocalFile(tmp_path / "p")).orientation == 6


def test_a_webp_of_six_bytes() -> None:
    photo = webp((b"VP8L", b"\x2f\x41\x6c\x6f\x00\x6b"))
    assert Image.open(io.BytesIO(photo)).size == (header(photo).width, header(photo).height)


def test_a_webp_is_as_large_as_its_picture() -> None:
    canvas = bytes(4) + (999).to_bytes(3, "little") * 2
    assert header(webp((b"VP8X", canvas), only_chunk(saved(noise(), "WEBP")))).pixels == 64 * 48


class Counting(InMemory):
    reads = 0

    def read(self, offset: int, size: int) -> bytes:
        type(self).reads += 1
        assert 0 <= size <= 1 << 16
        return super().read(offset, size)


def ihdr(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


@pytest.mark.parametrize(
    "photo",
    [
        b"\xff\xd8" + segment(0xFE, b"") * 100_000,
        b"\xff\xd8" + b"\xff\x01" * 100_000,
        png(ihdr(10, 10), *[(b"tEXt", b"")] * 100_000),
        webp((b"VP8X", bytes(10)), *[(b"JUNK", b"")] * 100_000),
    ],
    ids=["jpeg", "jpeg markers", "png", "webp"],
)
def test_endless_headers_end(photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counting, "reads", 0)
    try:
        assert read_header(Counting(photo)).pixels == 100
    except MediaError as error:
        assert "photo" in str(error)
    assert MOST_PARTS <= Counting.reads <= 3 * MOST_PARTS + 10


@pytest.mark.parametrize(
    "photo",
    [
        b"\xff\xd8\xff\xd9" + bytes(100),
        b"\xff\xd8\xff\xda" + bytes(100),  # pixels before any size
        b"\xff\xd8" + bytes(10_000),
        jpeg(segment(0xC0, struct.pack(">BHHB", 8, 0, 64, 3)))[:30] + b"\xff\xda\0\0",  # no height
        png(ihdr(0, 10), (b"IDAT", b"")),
        png(ihdr(10, 0), (b"IDAT", b"")),
        png((b"tEXt", bytes(20))),
        webp((b"VP8 ", bytes(20))),
        webp((b"VP8L", bytes(20))),
        webp((b"JUNK", bytes(20))),
    ],
)
def test_headers_without_sense_are_refused(photo: bytes) -> None:
    with pytest.raises(UnreadableMedia, match="damaged"):
        header(photo)


def test_animated_webp_is_refused() -> None:
    with pytest.raises(UnreadableMedia, match="animated WebP"):
        header(saved(noise(), "WEBP", save_all=True, append_images=[noise()]))


@pytest.mark.parametrize("form", FORMS)
def test_a_header_cut_anywhere_is_refused_or_read(form: str) -> None:
    photo = saved(noise((600, 400), "L" if form == "JPEG" else "RGB"), form, exif=b"Exif\0\0" + exif(3))
    read = 0
    for end in range(16, 1000):
        with pytest.raises(TruncatedMedia, match="its end is missing"):
            read += header(photo[:end]).width == 600
            require_whole(photo[:end])
    assert 0 < read < 1000 - 16


@pytest.mark.parametrize("start", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"RIFF\0\0\0\0WEBPVP8X"])
@pytest.mark.parametrize("length", [0, 1, 100, 100_000])
def test_noise_ends_with_a_size_or_a_reason(start: bytes, length: int) -> None:
    for _ in range(20):
        try:
            assert header(start + os.urandom(length)).pixels > 0
        except MediaError as error:
            assert str(error).endswith(".")
