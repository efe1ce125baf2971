"""Decodes photos in a process that can do nothing else: what a hostile photo might take over is an empty room.

Before the first photo the process gives up opening files and sockets (no free descriptor), writing, forking a larger
self and growing; it knows no name and no key. Whoever started it kills it when it takes too long.
"""

import resource
import sys
from collections.abc import Callable

import cv2
import numpy as np

from functions.api.channel import Channel, PeerGone
from functions.api.child import parent_channel, tie_to_parent
from functions.api.messages import Decoded, Refusal
from functions.common.errors import MediaError, NoVideo, TooManyPixels, UnreadableMedia
from functions.common.photo_header import InMemory, read_header, require_whole
from functions.video_split.containers import Container
from functions.video_split.source import HEAD_BYTES, PNG, recognise
from model.faces import Image

BROKEN = "The photo is damaged: it cannot be decoded. Export it again as JPEG or PNG."
WHITE = 255
BYTES_PER_PIXEL = 24  # while decoding: 16-bit RGBA, its composite in float, and the result
PROGRAM_BYTES = 512 * 1024**2  # address space to grow by, beside the pixels
DESCRIPTORS = 3

_COLOURS, _COLOURS_AND_ALPHA = 3, 4
_TURNS: dict[int, Callable[[Image], "cv2.typing.MatLike"]] = {
    2: lambda image: cv2.flip(image, 1),
    3: lambda image: cv2.rotate(image, cv2.ROTATE_180),
    4: lambda image: cv2.flip(image, 0),
    5: lambda image: cv2.transpose(image),  # noqa: PLW0108 - OpenCV's functions have no types
    6: lambda image: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
    7: lambda image: cv2.rotate(cv2.transpose(image), cv2.ROTATE_180),
    8: lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def decode(photo: bytes, *, max_pixels: int) -> Image:
    """Upright, [H, W, 3] BGR; what is transparent is white. Raise MediaError for anything but a whole photo."""
    container = recognise(photo[:HEAD_BYTES])
    if not container.photo:
        raise NoVideo("This is a video, not a photo. Ask for an upload with POST /v1/videos.")
    header = read_header(InMemory(photo))
    require_whole(photo)
    if header.pixels > max_pixels:
        raise TooManyPixels(
            f"The photo is {header.width}×{header.height}, {header.pixels / 1e6:.0f} megapixels; the limit is "
            f"{max_pixels / 1e6:.0f}. Send it in a smaller size."
        )
    image = _pixels(photo, container)
    turn = _TURNS.get(header.orientation)
    return np.ascontiguousarray(image if turn is None else turn(image), dtype=np.uint8)


def _pixels(photo: bytes, container: Container) -> Image:
    opaque = photo.startswith(b"\xff\xd8")
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION if opaque else cv2.IMREAD_UNCHANGED
    try:
        image = cv2.imdecode(np.frombuffer(photo, dtype=np.uint8), flags)
    except (cv2.error, MemoryError):
        raise UnreadableMedia(BROKEN) from None
    if image is None:
        raise UnreadableMedia(BROKEN)
    return np.asarray(image, dtype=np.uint8) if opaque else _opaque(image, grey_is_possible=container == PNG)


def _opaque(image: "cv2.typing.MatLike", *, grey_is_possible: bool) -> Image:
    if image.dtype == np.uint16:
        image = cv2.convertScaleAbs(image, alpha=1 / 257)
    if grey_is_possible and (image.ndim == 2 or image.shape[2] == 1):  # noqa: PLR2004
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    if image.ndim != _COLOURS or image.shape[2] not in (_COLOURS, _COLOURS_AND_ALPHA):
        raise UnreadableMedia(BROKEN)
    if image.shape[2] == _COLOURS:
        return np.asarray(image, dtype=np.uint8)
    alpha = image[:, :, 3:].astype(np.float32) / WHITE
    return np.asarray(image[:, :, :3] * alpha + WHITE * (1 - alpha) + 0.5, dtype=np.uint8)


def confine(max_pixels: int) -> None:
    limits = [(resource.RLIMIT_NOFILE, DESCRIPTORS), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)]
    if sys.platform == "linux":
        most = _address_space() + PROGRAM_BYTES + BYTES_PER_PIXEL * max_pixels
        limits += [(resource.RLIMIT_AS, most), (resource.RLIMIT_NPROC, 0)]
    for limit, most in limits:
        resource.setrlimit(limit, (most, most))


def _address_space() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123
        return int(statm.read().split()[0]) * resource.getpagesize()


def serve(channel: Channel, *, max_bytes: int, max_pixels: int) -> None:
    while True:
        photo = bytes(channel.receive(most=max_bytes))
        try:
            image = decode(photo, max_pixels=max_pixels)
        except MediaError as error:
            channel.send(Refusal(code=error.code, message=str(error)).model_dump_json().encode())
        except MemoryError:
            channel.send(Refusal(code=TooManyPixels.code, message=BROKEN).model_dump_json().encode())
        else:
            height, width = image.shape[:2]
            channel.send(Decoded(width=width, height=height).model_dump_json().encode())
            channel.send(image.data)


def main(parent: int, max_bytes: int, max_pixels: int) -> None:
    tie_to_parent(parent)
    cv2.setNumThreads(1)
    for suffix in (".jpg", ".png", ".webp"):  # whatever a codec loads or opens, it does now
        cv2.imdecode(cv2.imencode(suffix, np.zeros((8, 8, 3), dtype=np.uint8))[1], cv2.IMREAD_COLOR)
    confine(max_pixels)
    try:
        serve(parent_channel(), max_bytes=max_bytes, max_pixels=max_pixels)
    except PeerGone:
        return


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
