"""Decodes photos in a process that can do nothing else, so that a hostile photo has nothing to reach.

Before the first photo the process gives up opening files and sockets, starting programs and processes, and growing
(`confinement.py`). It knows no name and no key. `photo_decoder.py` starts it, and kills it when it takes too long.
"""

import io
import json
import resource
import sys
from collections.abc import Callable

from PIL import Image

from rollcall.contracts.errors import MediaError, TooLarge
from rollcall.media.photos.photo_pixels import Decoded, decode, load_codecs
from rollcall.runtime.confined import confinement
from rollcall.runtime.confined.channel import Channel, PeerGone
from rollcall.runtime.confined.child import parent_channel, tie_to_parent

BYTES_PER_PIXEL = 24  # while decoding: the picture, a copy that is turned or converted, and what the codec holds
PROGRAM_BYTES = 512 * 1024**2  # address space to grow by, beside the pixels
DESCRIPTORS = 3
READY = b"ready"  # said once: an earlier end of the process is not a photo's fault
STRIP_ROWS = 64  # of pixels that are sent at a time: a copy of the whole picture costs a tenth of its decoding
JPEG_QUALITIES = (95, 85, 70)  # the first that fits is taken
TOO_MUCH_DETAIL = "The photo has too much detail to be handled at its size. Upload it in a smaller size."


def confine(max_pixels: int) -> None:
    limits = [(resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)]
    if not confinement.supported():
        limits.append((resource.RLIMIT_NOFILE, DESCRIPTORS))
    if sys.platform == "linux":
        limits.append((resource.RLIMIT_AS, _address_space() + PROGRAM_BYTES + BYTES_PER_PIXEL * max_pixels))
    # no limit on processes, which counts threads too: HEIC's decoder starts one for each picture
    for limit, most in limits:
        resource.setrlimit(limit, (most, most))
    confinement.confine()


def _address_space() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123
        return int(statm.read().split()[0]) * resource.getpagesize()


Send = Callable[[Channel, Decoded], None]


def send_pixels(channel: Channel, decoded: Decoded) -> None:
    """[height, width, 3] BGR."""
    image = decoded.image
    _tell(channel, width=image.width, height=image.height, note=decoded.note)
    strips = range(0, image.height, STRIP_ROWS)
    channel.send_parts(
        (
            image.crop((0, top, image.width, min(top + STRIP_ROWS, image.height))).tobytes("raw", "BGR")
            for top in strips
        ),
        length=image.width * image.height * 3,
    )


def send_jpeg(channel: Channel, decoded: Decoded, *, most_bytes: int) -> None:
    image = decoded.image
    jpeg = _compressed(image, most_bytes)
    _tell(channel, width=image.width, height=image.height, note=decoded.note)
    channel.send(jpeg)


def _compressed(image: Image.Image, most_bytes: int) -> bytes:
    for quality in JPEG_QUALITIES:
        jpeg = io.BytesIO()
        image.save(jpeg, "JPEG", quality=quality, subsampling=0)
        if jpeg.tell() <= most_bytes:
            return jpeg.getvalue()
    raise TooLarge(TOO_MUCH_DETAIL)


def _tell(channel: Channel, **answer: str | int) -> None:
    channel.send(json.dumps(answer).encode())


def serve(channel: Channel, send: Send, *, max_bytes: int, max_pixels: int) -> None:
    while True:
        photo = bytes(channel.receive(most=max_bytes))
        try:
            send(channel, decode(photo, max_pixels=max_pixels))
        except MediaError as error:
            _tell(channel, refused=type(error).__name__, message=str(error))


def main(parent: int, max_bytes: int, max_pixels: int, jpeg_bytes: int) -> None:
    """`jpeg_bytes`: the most that a picture may take as a JPEG; 0 asks for its pixels."""
    tie_to_parent(parent)
    load_codecs()
    confine(max_pixels)
    send: Send = send_pixels
    if jpeg_bytes:
        send = lambda channel, decoded: send_jpeg(channel, decoded, most_bytes=jpeg_bytes)  # noqa: E731
    channel = parent_channel()
    try:
        channel.send(READY)
        serve(channel, send, max_bytes=max_bytes, max_pixels=max_pixels)
    except PeerGone:
        return


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
