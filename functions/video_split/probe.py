"""What an upload holds, found out from its headers before a picture is decoded."""

import json
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from functions.common.errors import NoVideo, TooLong
from functions.common.photo_header import read_header
from functions.video_split.colours import limited_matrix
from functions.video_split.failures import COVER_ONLY, DAMAGED, NO_VIDEO, UNREADABLE, explain, too_many_pixels
from functions.video_split.ffmpeg import Binaries, Child, find
from functions.video_split.inputs import input_options
from functions.video_split.limits import Limits
from functions.video_split.source import INDEXED, Container, Input, Source, as_source, recognise
from functions.video_split.upright import Turn, exif_turn, matrix_turn

__all__ = ["Limits", "Media", "probe"]

ANSWER_BYTES = 1 << 20  # of ffprobe's output
UPRIGHT_MATRIX = (1, 0, 0, 1)
BIDIRECTIONAL_CODECS = ("h264", "hevc")  # those whose decoders can leave out frames
MOST_STRETCH = 8.0  # a sample aspect ratio beyond this is damage, not a format


@dataclass(frozen=True, kw_only=True)
class Media:
    photo: bool
    duration: float  # seconds, as the file claims; 0 for a photo, and where the file does not say
    width: int  # source pixels, upright and square
    height: int
    container: Container
    stream: int
    turn: Turn  # what makes a decoded frame upright
    frame_rate: float  # frames per second, on average; 0 where the file does not say
    time_base: Fraction  # seconds in one unit of the stream's own clock
    transparent: bool = False  # perhaps, for a photo
    limited_matrix: str | None = None  # of a video's colours, if they are such that `colours.py` knows a short way
    bidirectional: bool = False  # has frames that refer to later ones; of those, no other refers to many


def probe(source: Source | str, *, limits: Limits, binaries: Binaries | None = None) -> Media:
    """`source`: or the path of a file on this disk."""
    source = as_source(source)
    container = recognise(source.head)
    if container.photo:
        return _photo(source, container, limits)
    return _video(source, container, limits, binaries or find())


def _photo(source: Source, container: Container, limits: Limits) -> Media:
    """By its header alone: starting ffprobe costs as much as decoding."""
    header = read_header(source)
    turn = exif_turn(header.orientation)
    width, height = turn.size(header.width, header.height)
    if header.pixels > limits.max_photo_pixels:
        raise too_many_pixels(width, height, limits.max_photo_pixels)
    return Media(
        photo=True,
        duration=0.0,
        width=width,
        height=height,
        container=container,
        stream=0,
        turn=turn,
        frame_rate=0.0,
        time_base=Fraction(0),
        transparent=header.transparent,
    )


def _video(source: Source, container: Container, limits: Limits, binaries: Binaries) -> Media:
    with source.opened() as opened:
        answer = _ffprobe(opened, container, limits, binaries)
    stream = _best(_videos(answer))
    turn = matrix_turn(_display_matrix(stream))
    width, height = turn.size(*_square_size(stream))
    media = Media(
        photo=False,
        duration=_duration(stream, answer.get("format", {})),
        width=width,
        height=height,
        container=container,
        stream=int(stream["index"]),
        turn=turn,
        frame_rate=_ratio(stream.get("avg_frame_rate", ""), "/"),
        time_base=_time_base(stream.get("time_base", "")),
        limited_matrix=limited_matrix(stream),
        bidirectional=_is_bidirectional(stream, container),
    )
    _require_bounds(media, stream, limits)
    return media


def _ffprobe(opened: Input, container: Container, limits: Limits, binaries: Binaries) -> dict[str, Any]:
    options = input_options(opened, container, limits)
    command = [
        str(binaries.ffprobe),
        *("-hide_banner", "-loglevel", "repeat+level+warning", "-of", "json", "-show_streams", "-show_format"),
        *(part for name, value in options.items() for part in (f"-{name}", str(value))),
        *("-i", opened.url),
    ]
    with Child(
        command, seconds=limits.probe_seconds, cpu_seconds=limits.probe_seconds, memory=limits.max_memory
    ) as child:
        output = child.read_all(ANSWER_BYTES)
    opened.require_fetched()
    if child.returncode != 0:
        raise explain(child.log, child.returncode, otherwise=UNREADABLE, most_pixels=limits.max_video_pixels)
    answer: dict[str, Any] = json.loads(output)
    if not _usable(answer):
        failure = explain(child.log, child.returncode, otherwise=DAMAGED, most_pixels=limits.max_video_pixels)
        raise NoVideo(_why_no_video(answer)) if not _videos(answer) else failure
    return answer


def _usable(answer: dict[str, Any]) -> bool:
    return any(stream.get("width", 0) > 0 and stream.get("height", 0) > 0 for stream in _videos(answer))


def _videos(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        stream
        for stream in answer.get("streams", [])
        if stream.get("codec_type") == "video" and not stream["disposition"]["attached_pic"]
    ]


def _why_no_video(answer: dict[str, Any]) -> str:
    cover = any(stream.get("codec_type") == "video" for stream in answer.get("streams", []))
    return COVER_ONLY if cover else NO_VIDEO


def _best(videos: list[dict[str, Any]]) -> dict[str, Any]:
    """The largest; the first of several."""
    return max(videos, key=lambda stream: stream.get("width", 0) * stream.get("height", 0))


def _require_bounds(media: Media, stream: dict[str, Any], limits: Limits) -> None:
    if stream["width"] * stream["height"] > limits.max_video_pixels:
        raise too_many_pixels(media.width, media.height, limits.max_video_pixels)
    if media.duration > limits.longest:
        raise TooLong(too_long(media.duration, limits))


def too_long(seconds: float, limits: Limits) -> str:
    return f"The video is {clock(seconds)} long; the limit is {clock(limits.max_duration)}. Upload it in parts."


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _square_size(stream: dict[str, Any]) -> tuple[int, int]:
    """With the pixels made square by stretching the shorter way, so that nothing is lost."""
    width, height = int(stream["width"]), int(stream["height"])
    stretch = _ratio(stream.get("sample_aspect_ratio", ""), ":") or 1.0
    if not 1 / MOST_STRETCH <= stretch <= MOST_STRETCH:
        return width, height
    return (round(width * stretch), height) if stretch > 1 else (width, round(height / stretch))


def _duration(stream: dict[str, Any], container: dict[str, Any]) -> float:
    """Seconds, from the most to the least specific claim."""
    named = _clock_seconds(stream.get("tags", {}).get("DURATION", ""))  # Matroska keeps a stream's own in a tag
    claims = (stream.get("duration"), named, container.get("duration"))
    return next((seconds for claim in claims if (seconds := _seconds(claim)) > 0), 0.0)


def _seconds(claim: str | float | None) -> float:
    try:
        seconds = float(claim or 0.0)
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0


def _clock_seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", text)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else 0.0


def _ratio(text: str, separator: str) -> float:
    over, _, under = text.partition(separator)
    return int(over) / int(under) if over.isdigit() and under.isdigit() and int(under) else 0.0


def _time_base(text: str) -> Fraction:
    over, _, under = text.partition("/")
    return Fraction(int(over), int(under)) if over.isdigit() and under.isdigit() and int(under) else Fraction(0)


def _display_matrix(stream: dict[str, Any]) -> tuple[int, int, int, int]:
    text = next((side["displaymatrix"] for side in stream.get("side_data_list", ()) if "displaymatrix" in side), "")
    rows = re.findall(r"^\d+: +(-?\d+) +(-?\d+) ", text, re.MULTILINE)
    if not rows:
        return UPRIGHT_MATRIX
    (a, b), (c, d) = rows[:2]
    return int(a), int(b), int(c), int(d)


def _is_bidirectional(stream: dict[str, Any], container: Container) -> bool:
    """In a file with an index, where what was left out can be gone back to."""
    known = container in INDEXED and stream.get("codec_name") in BIDIRECTIONAL_CODECS
    return known and stream.get("has_b_frames", 0) > 0
