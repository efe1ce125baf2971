"""Decodes a photo's bytes to the pixels of its picture: upright, 8-bit sRGB. It alone decides which photos can be read.

Pillow decodes, with the one plugin of the format. The bytes may be hostile, so only a confined process may call it.
"""

import io
import re
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import pi_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageChops,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from rollcall.contracts.bounds import megapixels
from rollcall.contracts.errors import (
    MediaError,
    MovingPicture,
    TooManyPixels,
    TruncatedMedia,
    UnreadableMedia,
)
from rollcall.media.photo_formats import (
    AVIF,
    BMP,
    GIF,
    HEAD_BYTES,
    HEIC,
    JPEG,
    PNG,
    TIFF,
    WEBP,
    PhotoFormat,
    photo_format,
)
from rollcall.media.photos.exif import orientation_of
from rollcall.media.photos.jpeg_scans import every_scan_begins, number_of_scans
from rollcall.media.photos.photo_colors import to_srgb
from rollcall.media.photos.photo_ends import has_end
from rollcall.media.photos.photo_kinds import require_no_raw, unsupported
from rollcall.media.refusals import refusal, unknown

DAMAGED = "The photo is damaged: it cannot be decoded. Export it again as JPEG or PNG."
INCOMPLETE = "The photo is incomplete: its end is missing. Upload it again from the original."
ANIMATED = "This is an animated WebP, which is not supported. Convert it to MP4 and upload that."
MOVING = "This is a video, not a photo: a GIF that moves."
SEVERAL = "The file holds more than one picture: only the first one was looked at."

# The share of a cut JPEG's pixels that may depend on missing bytes
MOST_MISSING = 0.01
_LENGTHENED = bytes(range(1, 255)) * 4, bytes(range(254, 0, -1)) * 4  # two ends that a cut photo might have had
_BLOCK_ROWS = 8  # of a JPEG, times the sampling factor of its finest component
_OVERLAP_ROWS = 2  # that depend on the block below them as well

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_COLOR_BOX = re.compile(rb"colrnclx..(..)", re.DOTALL)  # primaries and transfer characteristics
_META_BYTES = 1 << 16  # at the start, where the box is

_OPENERS: Mapping[PhotoFormat, Callable[[io.BytesIO], Image.Image]] = {
    JPEG: JpegImagePlugin.JpegImageFile,  # and not its relative for several pictures: the first one is the photo
    PNG: PngImagePlugin.PngImageFile,
    WEBP: WebPImagePlugin.WebPImageFile,
    HEIC: pi_heif.HeifImageFile,
    AVIF: AvifImagePlugin.AvifImageFile,
    TIFF: TiffImagePlugin.TiffImageFile,
    BMP: BmpImagePlugin.BmpImageFile,
    GIF: GifImagePlugin.GifImageFile,
}


def load_codecs() -> None:
    """Decode a picture of each format, once a process, so that codecs load and open all that they need."""
    warnings.simplefilter("ignore")  # about tags that are not used
    Image.MAX_IMAGE_PIXELS = None  # the limit is checked here, for every format alike
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pi_heif.register_heif_opener(decode_threads=0, thumbnails=False, depth_images=False, aux_images=False)
    small = Image.new("RGB", (16, 16))
    for name in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"):
        photo = io.BytesIO()
        small.save(photo, name)
        decode(photo.getvalue(), max_pixels=small.width * small.height)
    with suppress(MediaError):  # nothing here writes HEIC
        decode(b"\0\0\0\x10ftypheic\0\0\0\0", max_pixels=1)


@dataclass(frozen=True)
class Decoded:
    image: Image.Image  # RGB
    note: str = ""  # a sentence for the owner, where there is more than what is shown


def decode(photo: bytes, *, max_pixels: int) -> Decoded:
    """The first or primary picture; raise MediaError if it cannot be shown whole."""
    form = photo_format(photo[:HEAD_BYTES])
    if form is None:
        raise refusal(photo[:HEAD_BYTES]) or unknown(photo[:HEAD_BYTES])
    try:
        image = _whole(photo, form, max_pixels)
        note = SEVERAL if getattr(image, "is_animated", False) else ""
        return Decoded(_upright(image, photo, form), note)
    except MediaError:
        raise
    except MemoryError:
        raise TooManyPixels("The photo takes more memory than there is. Send it in a smaller size.") from None
    except Exception as error:  # decoders of hostile files raise any error
        raise _reason(photo, form, error) from error


def _reason(photo: bytes, form: PhotoFormat, error: Exception) -> MediaError:
    kind = unsupported(photo, form, error)
    return kind or (UnreadableMedia(DAMAGED) if has_end(photo, form) else TruncatedMedia(INCOMPLETE))


def _whole(photo: bytes, form: PhotoFormat, max_pixels: int) -> Image.Image:
    if form == TIFF:
        require_no_raw(photo)
    if form == BMP and (inside := photo_format(photo[_number(photo[10:14]) :][:HEAD_BYTES])) in (JPEG, PNG):
        return _whole(photo[_number(photo[10:14]) :], inside, max_pixels)
    if form != JPEG or has_end(photo, form):
        return _loaded(photo, form, max_pixels)
    start = photo.rstrip(b"\0\xff")  # without half a marker, and what a file that was cut may be filled up with
    one, other = (_loaded(start + end + b"\xff\xd9", form, max_pixels) for end in _LENGTHENED)
    differing = ImageChops.difference(one, other).convert("L").histogram()
    if sum(differing[1:]) > MOST_MISSING * one.width * one.height or not _reaches_the_end(start, one):
        raise TruncatedMedia(INCOMPLETE)
    return one


def _reaches_the_end(jpeg: bytes, lengthened: Image.Image) -> bool:
    """Whether a cut JPEG reaches its last blocks: everything after the appended bytes is gray."""
    if number_of_scans(jpeg) != 1:
        return every_scan_begins(jpeg)
    cut = JpegImagePlugin.JpegImageFile(io.BytesIO(jpeg))
    with suppress(OSError):  # it ends early; the rows before are there, and black ones after them
        cut.load()
    rows = Image.new(lengthened.mode, lengthened.size)
    rows.im = cut.im
    differing = ImageChops.difference(rows, lengthened).getbbox()
    block = _BLOCK_ROWS * max(layer[2] for layer in cut.layer)
    last_block = (cut.height - 1) // block * block
    return differing is None or differing[1] >= last_block - _OVERLAP_ROWS


def _loaded(photo: bytes, form: PhotoFormat, max_pixels: int) -> Image.Image:
    if form == WEBP:  # its decoder takes the memory as it is opened
        _require_bounds(*_webp_canvas(photo), max_pixels)
    image = _OPENERS[form](io.BytesIO(photo))
    _require_bounds(*image.size, max_pixels)
    _require_still(image, form)
    image.load()
    _require_bounds(*image.size, max_pixels)  # a HEIC's header may say less than is decoded
    return image


def _require_bounds(width: int, height: int, max_pixels: int) -> None:
    if width * height == 0:
        raise ValueError("a picture of no pixels")
    if width * height > max_pixels:
        raise TooManyPixels(f"The photo is {megapixels(width, height, max_pixels)}. Send it in a smaller size.")


def _require_still(image: Image.Image, form: PhotoFormat) -> None:
    if form == GIF and getattr(image, "is_animated", False):
        raise MovingPicture(MOVING)
    if form == WEBP and getattr(image, "is_animated", False):
        raise UnreadableMedia(ANIMATED)


def _webp_canvas(photo: bytes) -> tuple[int, int]:
    kind = photo[12:16]
    if kind == b"VP8X":
        return _number(photo[24:27]) + 1, _number(photo[27:30]) + 1
    if kind == b"VP8L":
        packed = _number(photo[21:25])
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    return _number(photo[26:28]) & 0x3FFF, _number(photo[28:30]) & 0x3FFF


def _number(field: bytes) -> int:
    return int.from_bytes(field, "little")


def _upright(image: Image.Image, photo: bytes, form: PhotoFormat) -> Image.Image:
    # readers of HEIC and TIFF turn the picture themselves, and leave nothing here that says so
    turn = _TURNS.get(orientation_of(bytes(image.info.get("exif") or b"").removeprefix(b"Exif\0\0")))
    upright = to_srgb(image, transfer=_transfer(photo) if form in (AVIF, HEIC) else None)
    return upright if turn is None else upright.transpose(turn)


def _transfer(photo: bytes) -> int | None:
    """The transfer function by ITU-T H.273, if the container tells it."""
    found = _COLOR_BOX.search(photo[:_META_BYTES])
    return int.from_bytes(found[1], "big") if found else None
