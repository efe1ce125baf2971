"""What a photo's bytes become, in every format: whole, turned, of any kind of pixels, and made to harm."""

import io
import struct

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageOps

from rollcall.contracts.errors import (
    MovingPicture,
    TooManyPixels,
    UnreadableMedia,
)
from rollcall.media.photo_formats import FORMATS as TABLE
from rollcall.media.photo_formats import photo_format
from rollcall.media.photos.photo_pixels import decode, load_codecs
from tests.made_photos import FORMATS, bitmap_of, colors, difference, oriented, png_claiming, saved, tiff_of
from tests.unit.media.reading_photos import MAX_PIXELS, read


@pytest.fixture(scope="module", autouse=True)
def codecs() -> None:
    load_codecs()


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_recognized_and_read(form: str) -> None:
    photo = saved(colors(), form)

    known = photo_format(photo[:64])

    assert known is not None and known.name.upper() == {"HEIF": "HEIC"}.get(form, form)
    assert difference(read(photo), colors()) < (8 if form == "GIF" else 3)  # a palette of 256 colors


def test_no_two_formats_share_a_name_or_a_suffix() -> None:
    suffixes = [suffix for known in TABLE for suffix in known.suffixes]

    assert len(set(suffixes)) == len(suffixes)
    assert len({known.name for known in TABLE}) == len(TABLE)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright_once(form: str, orientation: int) -> None:
    """HEIC and AVIF keep the turn twice, in EXIF and as a property of the picture."""
    upright = colors()
    undo = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    stored = ImageOps.exif_transpose(with_exif(upright, undo)) if orientation > 1 else upright

    photo = saved(stored, form, exif=oriented(orientation))

    assert difference(read(photo), upright) < 3


def with_exif(image: Image.Image, orientation: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=oriented(orientation))
    return Image.open(buffer)


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_gray_and_ink(form: str, mode: str) -> None:
    photo = colors().convert(mode)

    assert difference(read(saved(photo, form)), photo) < 3


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA"])
@pytest.mark.parametrize("form", ["PNG", "TIFF", "GIF"])
def test_kinds_of_pixels(form: str, mode: str) -> None:
    photo = colors().convert(mode)

    assert difference(read(saved(photo, form)), photo) < 8


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}, {"keep_rgb": True}])
def test_kinds_of_jpeg(options: dict[str, object]) -> None:
    assert difference(read(saved(colors(), "JPEG", **options)), colors()) < 3


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_of_gray(form: str) -> None:
    gray = np.asarray(colors().convert("L"))
    photo = Image.fromarray(gray.astype(np.uint16) * 257)

    assert difference(read(saved(photo, form)), Image.fromarray(gray)) < 1


def test_a_dark_picture_of_sixteen_bits_stays_dark() -> None:
    photo = Image.fromarray(np.full((20, 20), 200, dtype=np.uint16))

    assert np.asarray(read(saved(photo, "TIFF"))).max() <= 2


def test_sixteen_bits_of_color() -> None:
    deep = np.asarray(colors(), dtype=np.uint16)[:, :, ::-1] * 257
    cv2 = pytest.importorskip("cv2")

    for suffix in (".png", ".tiff"):
        assert difference(read(cv2.imencode(suffix, deep)[1].tobytes()), colors()) < 1


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
def test_floating_point(white: float) -> None:
    gray = np.asarray(colors().convert("L"))
    photo = Image.fromarray(gray.astype(np.float32) * (white / 255))

    assert difference(read(saved(photo, "TIFF")), Image.fromarray(gray)) < 1


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "raw"])
def test_compressed_tiff(compression: str) -> None:
    assert difference(read(saved(colors(), "TIFF", compression=compression)), colors()) < 3


def test_fax_tiff() -> None:
    photo = colors().convert("1")

    assert difference(read(saved(photo, "TIFF", compression="group4")), photo) == 0


def test_big_endian_tiff() -> None:
    photo = saved(colors(), "TIFF", big_tiff=True)

    assert difference(read(photo), colors()) == 0


def test_several_pages_show_the_first_and_a_note_says_so() -> None:
    other = ImageOps.invert(colors())

    for form in ("TIFF", "PNG", "AVIF"):
        decoded = decode(saved(colors(), form, save_all=True, append_images=[other]), max_pixels=MAX_PIXELS)
        assert difference(decoded.image, colors()) < 3
        assert "more than one picture" in decoded.note
    assert decode(saved(colors(), "TIFF"), max_pixels=MAX_PIXELS).note == ""


def test_a_burst_shows_its_primary_picture() -> None:
    burst, buffer = pillow_heif.from_pillow(ImageOps.invert(colors())), io.BytesIO()
    burst.add_from_pillow(colors())
    burst.save(buffer, quality=90, primary_index=1)

    decoded = decode(buffer.getvalue(), max_pixels=MAX_PIXELS)

    assert difference(decoded.image, colors()) < 3
    assert "more than one picture" in decoded.note


def test_what_moves_is_no_photo() -> None:
    other = ImageOps.invert(colors())

    with pytest.raises(MovingPicture, match="a GIF that moves"):
        read(saved(colors(), "GIF", save_all=True, append_images=[other]))
    with pytest.raises(UnreadableMedia, match="animated WebP.*Convert it to MP4"):
        read(saved(colors(), "WEBP", save_all=True, append_images=[other]))


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_what_is_transparent_becomes_white(form: str) -> None:
    photo = colors().convert("RGBA")
    alpha = np.zeros((photo.height, photo.width), np.uint8)
    alpha[:, :80], alpha[:, 80:120] = 255, 128
    photo.putalpha(Image.fromarray(alpha))
    white = Image.new("RGBA", photo.size, "white")

    found = read(saved(photo, form))

    assert difference(found, Image.alpha_composite(white, photo)) < 4


def test_an_empty_alpha_channel_means_nothing() -> None:
    photo = colors()
    photo.putalpha(0)

    assert difference(read(saved(photo, "PNG")), colors()) == 0


def test_wide_colors_become_srgb() -> None:
    """A profile that takes red for green shows that it was applied."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace("sRGB".encode("utf-16-be"), "none".encode("utf-16-be"))
    swapped = profile.replace(b"rXYZ", b"?").replace(b"gXYZ", b"rXYZ").replace(b"?", b"gXYZ")
    across, down, rest = colors().split()

    for form in ("JPEG", "PNG", "TIFF", "WEBP", "AVIF"):
        photo = saved(Image.merge("RGB", (down, across, rest)), form, icc_profile=swapped)
        assert difference(read(photo), colors()) < 4


def test_a_damaged_profile_is_passed_over() -> None:
    assert difference(read(saved(colors(), "JPEG", icc_profile=b"\0" * 300)), colors()) < 3


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (1001, 1000), (60_000, 1000)])
def test_too_many_pixels_are_refused_before_decoding(width: int, height: int) -> None:
    with pytest.raises(TooManyPixels, match=rf"{width}×{height}, \d+\.?\d* megapixels; the limit is 1\. Send"):
        read(png_claiming(width, height))


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_bounded(form: str) -> None:
    photo = saved(colors(), form)

    assert read(photo, 160 * 120).size == (160, 120)
    with pytest.raises(TooManyPixels):
        read(photo, 160 * 120 - 1)


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_webp_is_bounded_before_its_decoder_takes_memory(lossless: bool, mode: str) -> None:
    photo = bytearray(saved(colors().convert(mode), "WEBP", lossless=lossless, exif=oriented(1) if lossless else b""))
    place = {b"VP8 ": 26, b"VP8L": 21, b"VP8X": 24}[bytes(photo[12:16])]
    photo[place : place + 4] = b"\xff\x3f\xff\x3f" if photo[12:16] == b"VP8 " else b"\xff\xff\xff\x0f"

    with pytest.raises(TooManyPixels):
        read(bytes(photo))


RAW = "This is a camera's raw photo ({}), which is not supported. Export the photo as JPEG and upload that."
KIND = "This is a {}, which is not supported. Export the photo as JPEG and upload that."
NIKON = b"NIKON CORPORATION\0"
PARTS = (330, 4, [500])
MASKS = (0x3FF00000, 0xFFC00, 0x3FF)
UNSUPPORTED = {
    "float RGB": (tiff_of([32] * 3, 2, numbers=3), KIND.format("TIFF of 32-bit floating-point RGB")),
    "half floats": (tiff_of([16], 1, numbers=3), KIND.format("TIFF of 16-bit floating-point gray")),
    "doubles": (tiff_of([64], 1, numbers=3), KIND.format("TIFF of 64-bit floating-point gray")),
    "deep transparent gray": (
        tiff_of([16, 16], 1, more=[(338, 3, [2])]),
        KIND.format("TIFF of 16-bit gray with transparency"),
    ),
    "32-bit RGB": (tiff_of([32] * 3, 2), KIND.format("TIFF of 32-bit RGB")),
    "JPEG 2000 in TIFF": (
        tiff_of([8] * 3, 2, compression=34712),
        KIND.format("TIFF whose picture is compressed by JPEG 2000"),
    ),
    "WebP in TIFF": (tiff_of([8] * 3, 2, compression=50001), KIND.format("TIFF whose picture is compressed by WebP")),
    "another compression": (
        tiff_of([8] * 3, 2, compression=12345),
        KIND.format("TIFF whose picture is compressed by method 12345"),
    ),
    "NEF": (tiff_of([8] * 3, 2, more=[(254, 4, [1]), (271, 2, NIKON), PARTS]), RAW.format("NEF")),
    "NEF without preview": (tiff_of([14], 32803, compression=34713, more=[(271, 2, NIKON)]), RAW.format("NEF")),
    "ARW": (tiff_of([8] * 3, 2, more=[(254, 4, [1]), (271, 2, b"SONY\0")]), RAW.format("ARW")),
    "DNG": (tiff_of([16] * 3, 34892, more=[(50706, 1, b"\1\4\0\0")]), RAW.format("DNG")),
    "a sensor's colors": (tiff_of([16], 32803), RAW.format("based on TIFF")),
    "odd masks": (
        bitmap_of(32, 3, bytes(1024), MASKS),
        KIND.format("BMP with unusual color masks (32 bits a pixel)"),
    ),
    "64-bit BMP": (
        bitmap_of(64, 0, bytes(2048)),
        KIND.format("BMP with 64 bits a pixel, compressed by method 0"),
    ),
    "lossless JPEG": (
        saved(colors(), "JPEG").replace(b"\xff\xc0", b"\xff\xc3"),
        KIND.format("JPEG of the lossless or hierarchical kind"),
    ),
    "12-bit JPEG": (
        saved(colors(), "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"),
        KIND.format("JPEG of 12 bits a color"),
    ),
    "CgBI": (
        png_claiming(4, 4).replace(b"\0\0\0\rIHDR", b"\0\0\0\x04CgBI\x50\0\x20\x06\x2b\xd5\xb3\x7f\0\0\0\rIHDR"),
        KIND.format("PNG that Apple's tools changed for apps (CgBI)"),
    ),
}


@pytest.mark.parametrize(("photo", "told"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_what_is_not_read_within_a_format_is_called_by_its_name(photo: bytes, told: str) -> None:
    with pytest.raises(UnreadableMedia) as refused:
        read(photo)
    assert str(refused.value) == told


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_photo_inside_a_bitmap_is_read(form: str) -> None:
    photo = bitmap_of(0, 4 if form == "JPEG" else 5, saved(colors(), form))

    assert difference(read(photo), colors()) < 3


@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
def test_high_dynamic_range_has_the_light_of_a_photo(transfer: int) -> None:
    """Diffuse white comes out near white, where a decoder that knows nothing of it shows a gray."""
    signal = {16: 0.58, 18: 0.75}[transfer]
    photo = saved(Image.new("RGB", (32, 32), (round(255 * signal),) * 3), "AVIF")
    box = photo.index(b"colrnclx") + 10
    photo = photo[:box] + struct.pack(">H", transfer) + photo[box + 2 :]

    assert np.asarray(read(photo)).mean() > 245
