"""Photos of the bucket, read by the real decoder in its process: as JPEGs of their own size that fit in a pack."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from rollcall.contracts.errors import MediaError, TooManyPixels, TruncatedMedia
from rollcall.media.photos.photo_decoder import PhotoDecoder
from rollcall.media.videos.decode import decode
from rollcall.media.videos.limits import Limits
from rollcall.media.videos.probe import photo_decoder, probe
from tests.made_photos import FORMATS, colors, difference, oriented, png_claiming, saved


@pytest.fixture(scope="module")
def photos() -> Iterator[PhotoDecoder]:
    decoder = photo_decoder(Limits())
    yield decoder
    decoder.close()


def read(path: Path, photos: PhotoDecoder | None, limits: Limits = Limits()) -> Image.Image:  # noqa: B008
    media = probe(str(path), limits=limits, photos=photos)
    (gop,) = decode(str(path), media, frames_per_second=2.0, limits=limits)
    assert media.photo and media.duration == 0.0
    assert (gop.index, gop.times, gop.scale) == (0, [0.0], 1.0)
    assert len(gop.frames[0]) <= limits.max_frame_bytes
    photo = Image.open(io.BytesIO(gop.frames[0]))
    assert photo.size == (gop.width, gop.height) == (media.width, media.height)
    return photo.convert("RGB")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", ["video.mp4", "with space + ünïcode?.jpg"])
def test_every_format_is_read_by_its_content(photos: PhotoDecoder, tmp_path: Path, form: str, name: str) -> None:
    (tmp_path / name).write_bytes(saved(colors(), form))
    assert difference(read(tmp_path / name, photos), colors()) < (8 if form == "GIF" else 3)


def test_upright(photos: PhotoDecoder, tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(saved(colors(), "JPEG", exif=oriented(6)))
    assert difference(read(tmp_path / "p", photos), ImageOps.exif_transpose(Image.open(tmp_path / "p"))) < 3


def test_the_limit_of_pixels_is_within_reach(photos: PhotoDecoder, tmp_path: Path) -> None:
    """The largest photo, turned and transparent, fits the memory that the decoder may take."""
    width, height = 8000, 6475  # 51.8 megapixels
    photo = Image.new("RGBA", (width, height), (9, 99, 199, 128))
    (tmp_path / "p").write_bytes(saved(photo, "PNG", exif=oriented(6), compress_level=1))
    assert read(tmp_path / "p", photos).size == (height, width)


def test_a_frame_too_large_for_a_pack_is_compressed_more(photos: PhotoDecoder, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    (tmp_path / "p").write_bytes(saved(Image.fromarray(noise), "PNG"))
    best = len(probe(str(tmp_path / "p"), limits=Limits(), photos=photos).picture)
    assert len(probe(str(tmp_path / "p"), limits=Limits(max_frame_bytes=best - 1)).picture) < best
    with pytest.raises(MediaError, match="too much detail"):
        probe(str(tmp_path / "p"), limits=Limits(max_frame_bytes=1000))


@pytest.mark.parametrize(
    ("width", "height", "said"),
    [
        (20_000, 20_000, "20000×20000, 400 megapixels; the limit is 52."),
        (9000, 6000, "9000×6000, 54 megapixels; the limit is 52."),
        (8001, 6500, r"8001×6500, 52.01 megapixels; the limit is 52."),
        (52_000_001, 1, "52000001×1, 52.000001 megapixels; the limit is 52."),
    ],
)
def test_too_many_pixels(photos: PhotoDecoder, tmp_path: Path, width: int, height: int, said: str) -> None:
    (tmp_path / "p").write_bytes(png_claiming(width, height))
    with pytest.raises(TooManyPixels) as refused:
        read(tmp_path / "p", photos)
    assert said in str(refused.value)


def test_a_photo_of_too_many_bytes_is_not_read(photos: PhotoDecoder, tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(saved(colors(), "JPEG") + bytes(1024**2))
    with pytest.raises(MediaError, match="larger than 1 MiB, which is the limit"):
        read(tmp_path / "p", None, Limits(max_photo_bytes=1024**2))


def test_a_gif_that_moves_is_a_video(photos: PhotoDecoder, tmp_path: Path) -> None:
    other = ImageOps.invert(colors())
    (tmp_path / "p").write_bytes(saved(colors(), "GIF", save_all=True, append_images=[other], duration=1000))
    media = probe(str(tmp_path / "p"), limits=Limits(), photos=photos)
    (gop,) = decode(str(tmp_path / "p"), media, frames_per_second=1.0, limits=Limits())
    assert not media.photo
    assert len(gop.frames) == 2


def test_a_photo_that_was_cut(photos: PhotoDecoder, tmp_path: Path) -> None:
    whole = saved(colors(800, 600), "JPEG")
    (tmp_path / "p").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TruncatedMedia, match="its end is missing"):
        read(tmp_path / "p", photos)
