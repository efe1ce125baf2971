"""The command lines of ffmpeg, which turn an upload into upright JPEGs on a pipe."""

import math
from fractions import Fraction
from typing import Any

import ffmpeg

from rollcall.contracts.events import Stretch
from rollcall.media.source import Input
from rollcall.media.videos import video_colors as colors
from rollcall.media.videos.ffmpeg import Binaries
from rollcall.media.videos.fields import DEINTERLACER
from rollcall.media.videos.gaps import BACK, GAP, PATIENCE
from rollcall.media.videos.inputs import input_options
from rollcall.media.videos.limits import Limits
from rollcall.media.videos.probe import Media
from rollcall.media.videos.upright import Turn

LEAST_JUMP = 3600.0  # seconds; and more than the whole video is said to last: such a gap is a wrong time stamp
USUAL_RATE = 25.0  # frames per second, where the file does not say
VIDEO_QUALITY = 2  # ffmpeg's JPEG scale: 2 is the best of its usual range, 31 the worst


def sampled_size(width: int, height: int, *, longest: int) -> tuple[int, int]:
    """The size as it is if it fits; else scaled down to even sides."""
    if max(width, height) <= longest:
        return width, height
    shrink = longest / max(width, height)
    return tuple(max(2, round(side * shrink / 2) * 2) for side in (width, height))  # type: ignore[return-value]


def leaves_out(media: Media, stretch: Stretch) -> bool:
    """Whether frames that no other frame refers to are skipped: half of all frames, in most files."""
    return media.bidirectional and not stretch.every_frame


def video_command(
    opened: Input,
    media: Media,
    limits: Limits,
    binaries: Binaries,
    *,
    rate: Fraction,
    stretch: Stretch,
    seek: float | None,
) -> list[str]:
    """The samples of the stretch; decoded from `seek` (seconds) on, or from the start of the file.

    After a seek the frames keep the times of a decode from the start, and the first one stands for all that came before
    it. So the sampler counts exactly as it does over the whole video. Frames outside the stretch are dropped before
    they are scaled. A frame that several samples show comes once: the log tells how many.
    """
    stream = _input(
        opened,
        media,
        limits,
        **({"skip_frame": "noref"} if leaves_out(media, stretch) else {}),
        **({} if seek is None else _sought(seek)),
    )
    stream = stream.filter("setpts", _mended(media))
    # in this order: a frame's line is on the log before its JPEG is on the pipe, and what is dropped costs nothing more
    stream = stream.filter("showinfo", checksum=0)
    stream = stream.filter("setpts", _turns(media, rate, stretch, "STARTPTS" if seek is None else None))
    # the last frame of each turn, once
    stream = stream.filter("fps", fps=_ratio(1 / media.time_base), round="up")
    if media.fields is not None:
        # the scaler gives all frames the size and the format of the first, which `estdif` relies on
        stream = stream.filter("scale", *media.fields).filter("estdif", **DEINTERLACER)
    return _upright(stream, media, limits, binaries, *(() if seek is None else ("-copyts", "-start_at_zero")))


def first_frame_command(opened: Input, media: Media, limits: Limits, binaries: Binaries) -> list[str]:
    return _upright(_input(opened, media, limits), media, limits, binaries, **{"frames:v": 1})


def _mended(media: Media) -> str:
    """An expression for `setpts`. Frames after a jump follow the frame before it, until the times fit again.

    Frames that go back in time follow the frame before them, but after a gap they may go back to where it began. The
    first frame stays, and so does one without a time. If the first frame alone is wrong, the log gets by how much.
    Registers: 0 the shift of frames after a jump; 1 where the latest gap began; 2 the shift of all frames; 3 where
    frames came after the gap; 4 the frame's time; 5 whether there is a gap that frames may go back over.
    """
    step = max(1, round(1 / (media.frame_rate or USUAL_RATE) / media.time_base))
    most, gap, patience, back = (_units(media, each) for each in (_most_jump(media), GAP, PATIENCE, BACK))
    moved = "(PTS+ld(2))"
    again = f"{moved}+st(0,PREV_OUTPTS+{step}-{moved})"
    jumped = f"if(gt(abs({moved}+ld(0)-PREV_OUTPTS),{most}),{again},{moved}+ld(0))"
    fitting = f"st(4,if(gt(abs({moved}-PREV_OUTPTS),{most}),{jumped},{moved}))"
    follows = f"st(2,ld(2)+PREV_OUTPTS+{step}-ld(4));PREV_OUTPTS+{step}"
    first_wrong = f"if(eq(N,1),print(ld(4)-PREV_OUTPTS-{step}))"
    backward = f"if(ld(5)*gte(ld(4),ld(1)-{back}),st(5,0);ld(4),{first_wrong};{follows})"
    over_gap = "if(not(ld(5)),st(1,PREV_OUTPTS));st(5,1);st(3,ld(4))"
    forward = f"if(gt(ld(4)-PREV_OUTPTS,{gap}),{over_gap},if(gt(ld(4),ld(3)+{patience}),st(5,0)));ld(4)"
    alone = f"eq(N,1)*gt(ld(4)-PREV_OUTPTS,{_units(media, Fraction(media.unheard))})" if media.unheard else "0"
    return f"{fitting};if(lt(ld(4)-PREV_OUTPTS,-{back}),{backward},if({alone},{follows},{forward}))"


def _most_jump(media: Media) -> Fraction:
    return Fraction(max(LEAST_JUMP, media.duration))


def _turns(media: Media, rate: Fraction, stretch: Stretch, start: str | None) -> str:
    """An expression for `setpts`: the frames that compete for the same samples get the same time, a unit a turn.

    A frame is on screen from its own time on. So the first sample at or after that time shows it, and so do all samples
    up to the next frame's. The log gets register 3 where a turn ends. The end of the video has a time as well.
    Registers: 0 the first sample that no frame is known for; 1 the turn; 2 whether there was a frame; 3 the sample that
    the frame comes with; 4 the time of the frame before.
    """
    sample = f"max(ceil((PTS-({start or stretch.origin}))*{_ratio(rate * media.time_base)}),{stretch.first})"
    first = f"0*(st(0,{stretch.first})+st(2,1)+st(4,PTS))"
    ends = f"gt(ld(3),ld(0))+lt(PTS-ld(4),-{_units(media, BACK)})"
    later = f"st(3,{sample});st(5,{ends});st(4,PTS);if(ld(5),st(0,print(ld(3)));st(1,ld(1)+1),ld(1))"
    return f"if(isnan(PTS),if(ld(2),ld(1),PTS),if(ld(2),{later},{first}))"


def _units(media: Media, seconds: Fraction) -> int:
    return math.floor(seconds / media.time_base)


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _sought(seconds: float) -> dict[str, Any]:
    # to the key frame before, and all from there on: the frame on screen at an instant starts before it
    return {"ss": f"{seconds:.6f}", "noaccurate_seek": None}


def _upright(
    stream: Any, media: Media, limits: Limits, binaries: Binaries, *arguments: str, **options: Any
) -> list[str]:
    size = media.turn.size(*sampled_size(media.width, media.height, longest=limits.max_frame_side))
    if media.limited_matrix is not None and colors.takes_size(*size):
        # after the scaler, which gives all frames the size and the format of the first
        stream = stream.filter("scale", *size).filter("colorspace", **colors.colorspace(media.limited_matrix))
    else:
        stream = stream.filter("scale", *size, **colors.SCALER)
    return _compiled(
        _turned(stream, media.turn),
        binaries,
        *arguments,
        pixel_format="yuvj420p",
        quality=VIDEO_QUALITY,
        log_level="info",
        **options,
    )


def _input(opened: Input, media: Media, limits: Limits, **more: Any) -> Any:
    options = input_options(opened, media.container, limits)
    # one graph for the whole stream, also if its frames change later; `Turn` replaces autorotation
    fixed = {"noautorotate": None, "reinit_filter": 0}
    return ffmpeg.input(opened.url, **options, **fixed, **more)[str(media.stream)]


def _turned(stream: Any, turn: Turn) -> Any:
    for name, *arguments in turn.filters:
        stream = stream.filter(name, *arguments)
    return stream


def _compiled(
    stream: Any, binaries: Binaries, *arguments: str, pixel_format: str, quality: int, log_level: str, **options: Any
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
    output = output.global_args(*quiet, "-filter_complex_threads", "1", *arguments)
    command: list[str] = output.compile(cmd=str(binaries.ffmpeg))
    return command
