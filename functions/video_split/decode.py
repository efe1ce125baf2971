"""Sampling an upload: upright JPEG frames on an even time grid, in GoPs, from one pass of one ffmpeg."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import ffmpeg

from functions.common.errors import TooLarge, TooLong, TruncatedMedia
from functions.video_split.failures import CUT_OFF, DAMAGED, broken_off, explain
from functions.video_split.ffmpeg import Binaries, Child, find
from functions.video_split.gops import Sample, pack
from functions.video_split.inputs import input_options, input_url
from functions.video_split.limits import Limits
from functions.video_split.mpjpeg import OversizeFrame, jpegs
from functions.video_split.probe import Media, clock
from functions.video_split.source import Source
from functions.video_split.timeline import Timeline
from functions.video_split.upright import Turn

VIDEO_QUALITY = 2  # ffmpeg's JPEG scale: 2 is the best of its usual range, 31 the worst
PHOTO_QUALITIES = (2, 5, 12)  # the first that fits in `max_frame_bytes`
JPEG_COLOURS = {"out_color_matrix": "bt601", "out_range": "pc"}  # as JFIF defines them; HD video is mostly BT.709
MISSING_SECONDS = 1.5  # less than this at the end is what muxers round and viewers do not miss


@dataclass(frozen=True, kw_only=True)
class Gop:
    index: int
    times: list[float]  # seconds from the start of the video
    frames: list[bytes]  # JPEG
    width: int  # of the frames
    height: int
    scale: float  # source pixels per frame pixel
    end: float  # seconds up to which these frames reach; the last one's is the decoded duration


def decode(
    url: str, media: Media, *, frames_per_second: float, limits: Limits, binaries: Binaries | None = None
) -> Generator[Gop, None, None]:
    source, binaries = Source(url), binaries or find()
    if media.photo:
        return _decode_photo(source, media, limits, binaries)
    return _decode_video(source, media, Fraction(frames_per_second).limit_denominator(1000), limits, binaries)


def _decode_photo(source: Source, media: Media, limits: Limits, binaries: Binaries) -> Generator[Gop, None, None]:
    for quality in PHOTO_QUALITIES:
        try:
            frame = _photo(_photo_command(source, media, limits, binaries, quality), limits)
        except OversizeFrame:
            continue
        yield Gop(index=0, times=[0.0], frames=[frame], width=media.width, height=media.height, scale=1.0, end=0.0)
        return
    raise TooLarge("The photo has too much detail to be handled at its size. Upload it in a smaller size.")


def _photo(command: list[str], limits: Limits) -> bytes:
    with _child(command, limits) as child:
        for frame in jpegs(child, most_bytes=limits.max_frame_bytes):
            return frame
    raise explain(child.log, child.returncode, otherwise=DAMAGED)


def _decode_video(
    source: Source, media: Media, rate: Fraction, limits: Limits, binaries: Binaries
) -> Generator[Gop, None, None]:
    width, height = sampled_size(media.width, media.height, longest=limits.max_frame_side)
    timeline = Timeline(frames_per_second=rate)
    with closing(_samples(source, media, rate, limits, binaries, timeline=timeline)) as samples:
        packs = pack(samples, most_frames=limits.max_frames_per_gop, most_seconds=limits.max_gop_seconds)
        for index, (held, end) in enumerate(_with_ends(packs, timeline, media)):
            yield Gop(
                index=index,
                times=[sample.time for sample in held],
                frames=[sample.jpeg for sample in held],
                width=width,
                height=height,
                scale=media.width / width,
                end=end,
            )


def _with_ends(packs: Iterator[list[Sample]], timeline: Timeline, media: Media) -> Iterator[tuple[list[Sample], float]]:
    """Each pack ends where the next one starts, and the last where the video does."""
    held = next(packs, [])
    samples = 0
    while held:
        following = next(packs, [])
        samples += len(held)
        duration = timeline.duration(samples=samples, claimed=media.duration)
        yield held, following[0].time if following else duration
        held = following


def _samples(
    source: Source, media: Media, rate: Fraction, limits: Limits, binaries: Binaries, *, timeline: Timeline
) -> Generator[Sample, None, None]:
    count = 0
    with _child(_video_command(source, media, limits, binaries, rate), limits, on_line=timeline.feed) as child:
        for count, jpeg in enumerate(jpegs(child, most_bytes=limits.max_frame_bytes), start=1):
            time = float((count - 1) / rate)
            if time > limits.max_duration:
                raise TooLong(f"The video is too long; the limit is {clock(limits.max_duration)}. Upload it in parts.")
            yield Sample(time=time, jpeg=jpeg, key=timeline.take_key(count - 1))
    if count == 0 and timeline.frames == 1:  # a frame that lasts no time is on screen at no instant of the grid
        yield Sample(time=0.0, jpeg=_photo(_video_command(source, media, limits, binaries, None), limits), key=True)
        return
    _require_whole(child.returncode, media, timeline, count)


def _require_whole(returncode: int | None, media: Media, timeline: Timeline, samples: int) -> None:
    """What decoded is kept despite errors in the middle; a crash, a failed read or a missing end is an error."""
    if samples == 0 or (returncode or 0) < 0:
        raise explain(timeline.problems, returncode, otherwise=DAMAGED)
    failure = broken_off(timeline.problems)
    if failure is not None:
        raise failure
    decoded = timeline.duration(samples=samples, claimed=media.duration)
    missing = media.duration - decoded
    usual_frame = 1 / media.frame_rate if media.frame_rate else 0.0
    if missing > max(MISSING_SECONDS, 2 * usual_frame) and any(map(CUT_OFF.search, timeline.problems)):
        raise TruncatedMedia(
            f"The file is incomplete: it holds {clock(decoded)} of {clock(media.duration)}. "
            "Upload it again from the original."
        )


def sampled_size(width: int, height: int, *, longest: int) -> tuple[int, int]:
    """As it is where it fits; else scaled down to even sides."""
    if max(width, height) <= longest:
        return width, height
    shrink = longest / max(width, height)
    return tuple(max(2, round(side * shrink / 2) * 2) for side in (width, height))  # type: ignore[return-value]


def _video_command(
    source: Source, media: Media, limits: Limits, binaries: Binaries, rate: Fraction | None
) -> list[str]:
    """Frames at `rate`, or with None the first one alone."""
    size = media.turn.size(*sampled_size(media.width, media.height, longest=limits.max_frame_side))
    stream = _opened(source, media, limits)
    # in this order: a frame's line is on the log before its JPEG is on the pipe, and what is dropped costs nothing more
    stream = stream.filter("setpts", "PTS-STARTPTS").filter("showinfo", checksum=0)
    if rate is not None:
        # a frame is on screen from its own time on, so the first instant of the grid at or after that samples it
        stream = stream.filter("fps", fps=f"{rate.numerator}/{rate.denominator}", round="up")
    stream = _turned(stream.filter("scale", *size, **JPEG_COLOURS), media.turn)
    first = {"frames:v": 1} if rate is None else {}
    return _compiled(stream, binaries, pixel_format="yuvj420p", quality=VIDEO_QUALITY, log_level="info", **first)


def _photo_command(source: Source, media: Media, limits: Limits, binaries: Binaries, quality: int) -> list[str]:
    stream = _opened(source, media, limits)
    if media.transparent:
        stream = _on_white(stream)
    stream = _turned(stream, media.turn)
    return _compiled(stream, binaries, pixel_format="yuvj444p", quality=quality, log_level="warning", **{"frames:v": 1})


def _opened(source: Source, media: Media, limits: Limits) -> Any:
    options = input_options(source, media.container, limits)
    # one graph for the whole stream, whatever its frames claim later; `Turn` does what autorotation would
    fixed = {"noautorotate": None, "reinit_filter": 0}
    return ffmpeg.input(input_url(source), **options, **fixed)[str(media.stream)]


def _on_white(stream: Any) -> Any:
    layers = stream.filter("format", "rgba").filter_multi_output("split")
    white = layers[0].filter("lutrgb", r="maxval", g="maxval", b="maxval", a="maxval")
    return ffmpeg.overlay(white, layers[1], format="rgb")


def _turned(stream: Any, turn: Turn) -> Any:
    for name, *arguments in turn.filters:
        stream = stream.filter(name, *arguments)
    return stream


def _compiled(
    stream: Any, binaries: Binaries, *, pixel_format: str, quality: int, log_level: str, **options: Any
) -> list[str]:
    output = stream.output(
        "pipe:1",
        format="mpjpeg",
        vcodec="mjpeg",
        pix_fmt=pixel_format,
        threads=1,
        **{"q:v": quality, "fps_mode": "passthrough"},
        **options,
    )
    quiet = ("-hide_banner", "-nostats", "-nostdin", "-loglevel", f"repeat+level+{log_level}")
    command: list[str] = output.global_args(*quiet, "-filter_complex_threads", "1").compile(cmd=str(binaries.ffmpeg))
    return command


def _child(command: list[str], limits: Limits, on_line: Callable[[str], None] | None = None) -> Child:
    return Child(
        command,
        seconds=limits.decode_seconds,
        cpu_seconds=limits.decode_seconds * limits.threads,
        memory=limits.max_memory,
        on_line=on_line,
    )
