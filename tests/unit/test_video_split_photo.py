import io
import os
import struct
from pathlib import Path

import pytest
from PIL import Image

from functions.video_split.photo import orientation
from functions.video_split.source import JPEG, PNG, WEBP, Container, Source
from functions.video_split.upright import exif_turn, matrix_turn

CONTAINERS = {"JPEG": JPEG, "PNG": PNG, "WEBP": WEBP}


def source(tmp_path: Path, body: bytes) -> Source:
    (tmp_path / "photo").write_bytes(body)
    return Source(str(tmp_path / "photo"))


def photo(form: str, exif: bytes, size: tuple[int, int] = (64, 48)) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(buffer, form, exif=exif, lossless=True)
    return buffer.getvalue()


def exif(value: int, order: str = "<") -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entries = ((0x010F, 2, 1, 0), (0x0112, 3, 1, value if order == "<" else value << 16), (0x0128, 3, 1, 2))
    packed = b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries)
    return mark + struct.pack(f"{order}IH", 8, len(entries)) + packed + bytes(4)


@pytest.mark.parametrize("form", CONTAINERS)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("value", range(1, 9))
def test_orientation(tmp_path: Path, form: str, order: str, value: int) -> None:
    body = photo(form, b"Exif\0\0" + exif(value, order))
    assert orientation(source(tmp_path, body), CONTAINERS[form]) == value


def test_behind_a_large_picture(tmp_path: Path) -> None:
    body = photo("WEBP", b"Exif\0\0" + exif(6), size=(400, 400))
    assert body.index(b"EXIF") > 65536  # WebP keeps it behind the pixels, out of what is read first
    assert orientation(source(tmp_path, body), WEBP) == 6


@pytest.mark.parametrize("form", CONTAINERS)
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
def test_damaged_exif_is_upright(tmp_path: Path, form: str, damaged: bytes) -> None:
    body = photo(form, b"Exif\0\0" + damaged)
    assert orientation(source(tmp_path, body), CONTAINERS[form]) == 1


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_noise_ends(tmp_path: Path, container: Container) -> None:
    starts = {JPEG: b"\xff\xd8", PNG: b"\x89PNG\r\n\x1a\n", WEBP: b"RIFF\0\0\0\0WEBP"}
    for length in (0, 1, 100, 100_000):
        assert orientation(source(tmp_path, starts[container] + os.urandom(length)), container) in range(1, 9)


def test_turns_agree() -> None:
    """An EXIF orientation and the display matrix that says the same lead to the same filters."""
    same = {
        1: (1, 0, 0, 1),
        2: (-1, 0, 0, 1),
        3: (-1, 0, 0, -1),
        4: (1, 0, 0, -1),
        5: (0, 1, 1, 0),
        6: (0, 1, -1, 0),
        7: (0, -1, -1, 0),
        8: (0, -1, 1, 0),
    }
    for value, (a, b, c, d) in same.items():
        assert exif_turn(value) == matrix_turn((a * 65536, b * 65536, c * 65536, d * 65536))
    assert matrix_turn((0, 0, 0, 0)) == matrix_turn((65000, 900, -900, 65000)) == exif_turn(1)
