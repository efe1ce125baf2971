"""Reading a photo's bytes in the test's own process."""

from PIL import Image

from rollcall.media.photos.photo_pixels import decode, load_codecs

MAX_PIXELS = 1_000_000


def read(photo: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    load_codecs()
    image = decode(photo, max_pixels=max_pixels).image
    assert image.mode == "RGB"
    return image
