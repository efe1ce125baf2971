"""Photos that were cut, damaged, or continued by something else."""

import struct

import numpy as np
import pytest
from PIL import Image

from rollcall.contracts.errors import EmptyFile, MediaError, TruncatedMedia, UnreadableMedia
from rollcall.media.photos.photo_pixels import INCOMPLETE
from tests.made_photos import FORMATS, colors, difference, png_claiming, saved
from tests.unit.media.reading_photos import read

AGAIN = "Upload it again from the original."


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("share", [0.15, 0.5, 0.9])
def test_a_photo_that_was_cut_is_refused(form: str, share: float) -> None:
    whole = saved(Image.effect_noise((200, 150), 80).convert("RGB"), form)

    for filled in (b"", bytes(2000)):
        if filled and form not in ("JPEG", "PNG"):
            continue
        with pytest.raises(TruncatedMedia, match="its end is missing"):
            read(whole[: int(share * len(whole))] + filled)


@pytest.mark.parametrize("layout", [{}, {"restart_marker_rows": 1}, {"subsampling": 0}, {"progressive": True}])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.97])
def test_a_large_jpeg_that_was_cut_anywhere_is_refused(layout: dict[str, int], share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (90, 60, 3), np.uint8)
    whole = saved(Image.fromarray(noise).resize((600, 900)), "JPEG", quality=90, **layout)

    with pytest.raises(TruncatedMedia, match="its end is missing"):
        read(whole[: int(len(whole) * share)])


@pytest.mark.parametrize("layout", [{}, {"restart_marker_rows": 1}, {"subsampling": 0}, {"progressive": True}])
def test_a_large_jpeg_without_its_end_marker_is_whole(layout: dict[str, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (90, 60, 3), np.uint8)
    whole = saved(Image.fromarray(noise).resize((600, 900)), "JPEG", quality=90, **layout)

    assert difference(read(whole[:-2]), read(whole)) < 0.5


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_jpeg_without_its_end_marker_is_whole(progressive: bool, missing: int) -> None:
    whole = saved(Image.effect_noise((200, 150), 80).convert("RGB"), "JPEG", progressive=progressive)

    assert difference(read(whole[:-missing]), read(whole)) < 0.5


def test_a_thumbnail_is_not_taken_for_the_end() -> None:
    whole = saved(Image.effect_noise((200, 150), 80).convert("RGB"), "JPEG")
    thumbnail = saved(Image.effect_noise((16, 16), 80), "JPEG")
    photo = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + whole[2:]

    assert read(photo).size == (200, 150)
    with pytest.raises(TruncatedMedia):
        read(photo[: len(photo) // 2])


def test_what_follows_the_end_is_passed_over() -> None:
    """A second picture, a film, or whatever else cameras append."""
    whole = saved(colors(), "JPEG")

    for appended in (b"\xff\xda junk", saved(colors(), "JPEG")[:300], b"\0\0\0\x18ftypmp42" + bytes(99)):
        assert difference(read(whole + appended), colors()) < 3


@pytest.mark.parametrize("form", FORMATS)
def test_a_photo_that_was_cut_in_its_header_is_incomplete(form: str) -> None:
    """Whatever is left, the sentence is one of two, and the code is the same."""
    whole = saved(colors(), form)

    for size in (*range(1, 64), *range(64, 400, 16)):
        with pytest.raises(TruncatedMedia) as refused:
            read(whole[:size])
        count = "1 byte" if size == 1 else f"{size} bytes"
        assert str(refused.value) in (
            INCOMPLETE,
            f"The file has only {count}: it is incomplete, or no video or photo. {AGAIN}",
        )


@pytest.mark.parametrize(
    ("photo", "error"),
    [
        (b"", EmptyFile),
        (b"no picture at all", UnreadableMedia),
        (b"GIF89a" + bytes(100), MediaError),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", TruncatedMedia),
        (b"\xff\xd8\xff\xd9" + bytes(100), UnreadableMedia),
        (png_claiming(0, 10), UnreadableMedia),
        (png_claiming(10, 10, b"too little"), UnreadableMedia),
        (b"II*\0\x08\0\0\0\xff\xff" + bytes(100), MediaError),
        (b"BM" + bytes(12) + b"\x28" + bytes(100), MediaError),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", MediaError),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", MediaError),
    ],
)
def test_what_is_no_whole_photo_is_refused_with_a_reason(photo: bytes, error: type[MediaError]) -> None:
    with pytest.raises(error, match=r"\w+ .*\."):
        read(photo)


@pytest.mark.parametrize("form", FORMATS)
def test_damage_is_refused_or_shown_and_never_more(form: str) -> None:
    whole = saved(colors(), form)
    random = np.random.default_rng(len(form))

    for _ in range(60):
        photo = bytearray(whole)
        for place in random.integers(0, len(whole), 5):
            photo[place] = random.integers(0, 256)
        try:
            read(bytes(photo))
        except MediaError as error:
            assert "Traceback" not in str(error) and str(error).endswith(".")
