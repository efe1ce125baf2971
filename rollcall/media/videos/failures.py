"""One table: what ffmpeg says, and what the owner of an upload is told."""

import re
from collections.abc import Iterable

from rollcall.contracts.bounds import megapixels
from rollcall.contracts.errors import (
    DamagedMedia,
    DecoderCrashed,
    MediaError,
    NoVideo,
    RollcallError,
    SourceUnavailable,
    TooManyPixels,
    TruncatedMedia,
    UnreadableMedia,
)
from rollcall.media.source import HEAD_BYTES

DAMAGED = "The file is damaged: no picture in it could be read. Export it again, or convert it to MP4 or JPEG."
NO_VIDEO = "This file holds no video. Upload a video or a photo."
COVER_ONLY = "This file holds only sound and a cover picture, no video. Upload a video or a photo."
UNAVAILABLE = "the upload could not be fetched while it was being read"
TOO_MANY_PIXELS = "The picture is too large to be read. Upload it in a smaller size."
TOO_MANY_TRACKS = "The file names more tracks than can be read. Convert it to MP4 with one video track."
NO_INDEX = "The file is incomplete: the index that a video file needs is missing. Upload it again from the original."
BROKEN_HEADER = (
    "The file is damaged: its header cannot be read. Upload it again from the original, or convert it to MP4."
)
CUT_SHORT = "The file is incomplete: its end is missing. Upload it again from the original."
NOTHING_WHOLE = "The file is incomplete or damaged: no picture in it is whole. Upload it again from the original."
ENCRYPTED = "The video is encrypted, as films in shops are. Upload one without copy protection."
UNKNOWN_CODEC = "The video's codec{name} is not supported. Convert the video to MP4 with H.264 and upload that."
LEAST_SOUND = 1024  # bytes: what has fewer, and seems to hold sound alone, has no more than a part of a header

# The first pattern that is found anywhere in the log decides.
_TABLE: tuple[tuple[re.Pattern[str], type[RollcallError], str], ...] = (
    (re.compile(r"\[tcp @"), SourceUnavailable, UNAVAILABLE),  # ffmpeg could not reach this process
    (re.compile(r"moov atom not found"), TruncatedMedia, NO_INDEX),
    # a demuxer's: an index that claims more entries than fit the memory is damage, and no large picture
    (re.compile(r"error reading header"), DamagedMedia, BROKEN_HEADER),
    (re.compile(r"exceeds specified max pixel|Picture size \d{4,}x\d{4,} is invalid"), TooManyPixels, TOO_MANY_PIXELS),
    (
        re.compile(r"Cannot allocate memory|[Oo]ut of memory|get_buffer\(\) failed|while opening encoder"),
        TooManyPixels,
        TOO_MANY_PIXELS,
    ),
    (re.compile(r"does not contain any stream|matches no streams"), NoVideo, NO_VIDEO),
    (re.compile(r"File ended prematurely|partial file|Input/output error"), TruncatedMedia, CUT_SHORT),
    (re.compile(r"Video: none \((encv|drmi) "), UnreadableMedia, ENCRYPTED),
    (re.compile(r"Video: none.*unknown codec|Decoder \(codec|Decoder not found"), UnreadableMedia, UNKNOWN_CODEC),
)

# A demuxer's: a packet that claims gigabytes is damage, and no large picture
_ABSURD_PACKET = re.compile(r"\] (file:.*|<url>|Error during demuxing): Cannot allocate memory")
_CODEC = re.compile(r"Video: none \((\w{4}) / ")
_PICTURE_SIZE = re.compile(r"Picture size (\d{1,9})x(\d{1,9}) ")

# The demuxer wanted more than the file has.
CUT_OFF = re.compile(r"partial file|File ended prematurely|corrupt input packet")
ENDS_EARLY = re.compile(r"partial file|File ended prematurely")  # and not only something in its middle
BROKEN_PICTURE = re.compile(r"corrupt (input packet|decoded frame)|Concealing|error while decoding")
END_MISSING = (
    "The end of the file is missing: what is there was looked at. Upload it again from the original for the rest."
)


def explain(
    log: Iterable[str], returncode: int | None, *, otherwise: str, most_pixels: int | None = None
) -> RollcallError:
    """The error behind a run without usable output, with the end of its log as a note for the operator."""
    lines = list(log)
    crashed = (returncode or 0) < 0
    error = _named(lines) or (DecoderCrashed if crashed else DamagedMedia)(otherwise)
    size = _PICTURE_SIZE.search("\n".join(lines))
    if isinstance(error, TooManyPixels) and size is not None and most_pixels is not None:
        error = too_many_pixels(int(size[1]), int(size[2]), most_pixels)
    error.add_note(f"exit code {returncode}; {' | '.join(lines[-8:])}")
    return error


def cut_or(error: MediaError, *, size: int, claimed: int) -> MediaError:
    """What is wrong with a file without a picture: it is only a part if it claims more bytes or has very few."""
    if claimed > size and isinstance(error, UnreadableMedia | NoVideo):
        return TruncatedMedia(CUT_SHORT)
    small = size <= (LEAST_SOUND if isinstance(error, NoVideo) else HEAD_BYTES)
    return TruncatedMedia(NOTHING_WHOLE) if small and isinstance(error, DamagedMedia | NoVideo) else error


def too_many_pixels(width: int, height: int, most: int) -> TooManyPixels:
    return TooManyPixels(f"The picture is {megapixels(width, height, most)}. Upload it in a smaller size.")


def broken_off(log: Iterable[str]) -> RollcallError | None:
    """What ended a decode early, although it gave frames."""
    out_of_memory = any("Cannot allocate memory" in line and not _ABSURD_PACKET.search(line) for line in log)
    return TooManyPixels(TOO_MANY_PIXELS) if out_of_memory else None


def _named(log: Iterable[str]) -> RollcallError | None:
    text = "\n".join(line for line in log if not _ABSURD_PACKET.search(line))
    codec = _CODEC.search(text)
    name = f" ({codec[1]})" if codec is not None else ""
    return next((kind(message.format(name=name)) for pattern, kind, message in _TABLE if pattern.search(text)), None)
