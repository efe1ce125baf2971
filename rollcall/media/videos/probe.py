"""What an upload holds, found from its headers before a picture is decoded."""

import json
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from rollcall.contracts.bounds import beside
from rollcall.contracts.errors import (
    MovingPicture,
    NoVideo,
    TooLarge,
    TooLong,
    UnreadableMedia,
)
from rollcall.media.containers import GIF, INDEXED, MATROSKA, MOV, PHOTO, Container
from rollcall.media.photos.photo_decoder import PhotoDecoder
from rollcall.media.source import Input, Source, as_source, container_of
from rollcall.media.videos.claimed_size import Claim, claim_of
from rollcall.media.videos.failures import (
    BROKEN_HEADER,
    COVER_ONLY,
    DAMAGED,
    NO_VIDEO,
    TOO_MANY_TRACKS,
    cut_or,
    explain,
    too_many_pixels,
)
from rollcall.media.videos.ffmpeg import Binaries, Child, find, repeated
from rollcall.media.videos.fields import stored_size
from rollcall.media.videos.inputs import input_options
from rollcall.media.videos.limits import Limits
from rollcall.media.videos.probed_numbers import end_of, fraction, late, ratio, seconds, whole
from rollcall.media.videos.upright import Turn, matrix_turn
from rollcall.media.videos.video_colors import limited_matrix
from rollcall.media.videos.video_tracks import MOST_TRACKS, Track, left_out, longest

__all__ = ["Limits", "Media", "probe"]

ANSWER_BYTES = 1 << 22  # of ffprobe's output: a file of a few thousand tracks
# Only what is used: a file may hold megabytes of tags
_ENTRIES = ":".join(
    (
        "format=start_time,duration",
        "stream=index,codec_type,codec_name,width,height,pix_fmt,color_range,color_space,sample_aspect_ratio"
        ",has_b_frames,avg_frame_rate,time_base,start_time,duration,nb_frames",
        "stream_disposition=attached_pic",
        "stream_side_data=displaymatrix",
    )
)
_TAGGED_ENTRIES = f"{_ENTRIES}:stream_tags=DURATION"
WITNESSES = 500  # packets: more than lie between two key frames
NEAR_SECONDS = 60.0
LATE_SECONDS = 60.0  # a picture that starts later than this starts while something else is heard
LONGEST_TITLE = 20.0  # seconds that one picture may stay in silence before the rest begins
UPRIGHT_MATRIX = (1, 0, 0, 1)
BIDIRECTIONAL_CODECS = ("h264", "hevc")  # those whose decoders can leave out frames
MOST_STRETCH = 8.0  # a sample aspect ratio beyond this is damage, not a format


@dataclass(frozen=True, kw_only=True)
class Media:
    photo: bool
    duration: float  # seconds from the file's start to the picture's end, as claimed; 0 for a photo, and if unknown
    width: int  # source pixels, upright and square
    height: int
    container: Container
    stream: int
    turn: Turn  # what makes a decoded frame upright
    frame_rate: float  # frames per second, on average; 0 where the file does not say
    time_base: Fraction  # seconds in one unit of the stream's own clock
    picture: bytes = b""  # a photo's, as an upright JPEG
    limited_matrix: str | None = None  # of a video: the matrix for which `video_colors.py` has a fast way
    fields: tuple[int, int] | None = None  # size of the stored frame, where its two fields may have to be told apart
    bidirectional: bool = False  # has frames that refer to later ones; of those, no other refers to many
    size: int = 0  # bytes of the file
    clock_start: float = 0.0  # seconds from the file's start to zero of the clock that ffmpeg gives the frames
    latest_start: float = LATE_SECONDS  # seconds from the file's start: a picture that starts later has a wrong clock
    claim: Claim = Claim()  # by the header, where ffprobe may not tell
    sound_end: float = 0.0  # seconds from the file's start to the end of all sound, 0 where there is none
    unheard: float = 0.0  # seconds: a first frame that comes so long before the next and all sound has a wrong clock
    notes: tuple[str, ...] = ()  # sentences for the owner


def probe(
    source: Source | str,
    *,
    limits: Limits,
    track: int | None = None,
    most_tracks: int = MOST_TRACKS,
    photos: PhotoDecoder | None = None,
    binaries: Binaries | None = None,
) -> Media:
    """`source`: or the path of a file on this disk. `track`: a video's stream; None: the longest moving picture.

    `most_tracks`: how many tracks are read, `track` included. `photos`: the result of `photo_decoder`, to be used for
    several photos.
    """
    source = as_source(source)
    photo = probe_photo(source, limits=limits, photos=photos)
    return photo or probe_video(source, limits=limits, track=track, most_tracks=most_tracks, binaries=binaries)


def probe_photo(source: Source, *, limits: Limits, photos: PhotoDecoder | None = None) -> Media | None:
    """The photo, decoded; None for a video and for a picture that moves."""
    container = container_of(source)
    if not container.photo:
        return None
    decoder = photos or photo_decoder(limits)
    try:
        return _photo(source, limits, decoder)
    except MovingPicture:
        return None
    except TooLarge:
        if container != GIF:
            raise
        return None
    finally:
        if photos is None:
            decoder.close()


def probe_video(
    source: Source,
    *,
    limits: Limits,
    track: int | None = None,
    most_tracks: int = MOST_TRACKS,
    binaries: Binaries | None = None,
) -> Media:
    """Probes a source that `probe_photo` found to be no photo."""
    container = container_of(source)
    try:
        return _video(source, container, limits, binaries or find(), chosen=track, most_tracks=most_tracks)
    except (NoVideo, UnreadableMedia) as error:
        raise cut_or(error, size=source.size, claimed=claim_of(source, container.demuxer).size) from None


def readable_tracks(source: Source | str, *, limits: Limits, binaries: Binaries | None = None) -> list[int]:
    """The streams of a video whose pictures have a size, in the order of the file; none for a photo."""
    source, found = as_source(source), binaries or find()
    container = container_of(source)
    if container.photo:
        return []
    with source.opened() as opened:
        answer = repeated(lambda: _ffprobe(opened, container, limits, found))
    return [track.index for track in _tracks(answer, container) if track.readable]


def photo_decoder(limits: Limits) -> PhotoDecoder:
    """A decoder of photos; the first photo starts its process."""
    return PhotoDecoder(
        max_bytes=limits.max_photo_bytes,
        max_pixels=limits.max_photo_pixels,
        seconds=limits.probe_seconds,
        jpeg_bytes=limits.max_frame_bytes,
    )


def _photo(source: Source, limits: Limits, decoder: PhotoDecoder) -> Media:
    picture = decoder.decode(source.read(0, limits.max_photo_bytes + 1))
    return Media(
        photo=True,
        duration=0.0,
        width=picture.width,
        height=picture.height,
        container=PHOTO,
        stream=0,
        turn=Turn(),
        frame_rate=0.0,
        time_base=Fraction(0),
        picture=bytes(picture.content),
        notes=(picture.note,) if picture.note else (),
    )


def _video(
    source: Source, container: Container, limits: Limits, binaries: Binaries, *, chosen: int | None, most_tracks: int
) -> Media:
    with source.opened() as opened:
        answer = repeated(lambda: _ffprobe(opened, container, limits, binaries))
        tracks = _tracks(answer, container)
        readable = [track for track in tracks if track.readable]
        track = longest([track for track in readable if chosen in (None, track.index)])
        believed = repeated(lambda: _believed(track, opened, container, limits, binaries))
    stream = {int(stream["index"]): stream for stream in _videos(answer)}[track.index]
    turn = matrix_turn(_display_matrix(stream))
    width, height = turn.size(*_square_size(stream))
    sound_end = max((_end_of(sound, answer, container) for sound in _sounds(answer)), default=0.0)
    media = Media(
        photo=False,
        duration=track.end if believed else 0.0,
        width=width,
        height=height,
        container=container,
        stream=track.index,
        turn=turn,
        frame_rate=track.frame_rate,
        time_base=fraction(stream.get("time_base")),
        limited_matrix=limited_matrix(stream),
        fields=stored_size(stream),
        bidirectional=_is_bidirectional(stream, container),
        size=source.size,
        claim=claim_of(source, container.demuxer) if container != MOV else Claim(),
        clock_start=late(stream, answer.get("format", {})) if container.restarts else 0.0,
        latest_start=LATE_SECONDS + sound_end,
        sound_end=sound_end,
        unheard=_unheard(answer),
        notes=tuple(left_out(tracks, [track] if chosen is None else readable[:most_tracks])),
    )
    _require_bounds(media, stream, limits)
    return media


def _believed(track: Track, opened: Input, container: Container, limits: Limits, binaries: Binaries) -> bool:
    """A claim over the limit is refused, so it counts only with a packet near the limit: one wild time stamp can claim
    26 hours.
    """
    if track.end <= limits.longest:
        return True
    window = ("-select_streams", str(track.index), "-read_intervals", f"{limits.longest:.3f}%+#{WITNESSES}")
    output, child = _ask(opened, container, limits, binaries, "format=start_time:packet=pts_time", *window)
    if child.returncode != 0:
        return False
    answer = json.loads(output)
    start = seconds(answer["format"].get("start_time"))
    times = [seconds(packet.get("pts_time")) - start for packet in answer.get("packets", [])]
    return any(abs(time - limits.longest) < NEAR_SECONDS for time in times)


def _ffprobe(opened: Input, container: Container, limits: Limits, binaries: Binaries) -> dict[str, Any]:
    for entries in (_TAGGED_ENTRIES, _ENTRIES):
        output, child = _ask(opened, container, limits, binaries, entries)
        if child.returncode != 0:
            raise explain(child.log, child.returncode, otherwise=BROKEN_HEADER, most_pixels=limits.max_video_pixels)
        try:
            answer: dict[str, Any] = json.loads(output)
        except ValueError:  # cut off: a tag of megabytes, or tracks without end
            continue
        if not any(_readable(stream) for stream in _videos(answer)):
            failure = explain(child.log, child.returncode, otherwise=DAMAGED, most_pixels=limits.max_video_pixels)
            raise NoVideo(_why_no_video(answer)) if answer.get("streams") and not _videos(answer) else failure
        return answer
    raise UnreadableMedia(TOO_MANY_TRACKS)


def _ask(
    opened: Input, container: Container, limits: Limits, binaries: Binaries, entries: str, *more: str
) -> tuple[bytes, Child]:
    options = input_options(opened, container, limits)
    command = [
        str(binaries.ffprobe),
        *("-hide_banner", "-loglevel", "repeat+level+warning", "-of", "json", "-show_entries", entries),
        *(part for name, value in options.items() for part in (f"-{name}", str(value))),
        *(*more, "-i", opened.url),
    ]
    with Child(
        command,
        seconds=limits.probe_seconds,
        cpu_seconds=limits.probe_seconds,
        memory=limits.max_memory,
        files=opened.files,
        port=opened.port,
    ) as child:
        output = child.read_all(ANSWER_BYTES)
    opened.require_fetched()
    return output, child


def _readable(stream: dict[str, Any]) -> bool:
    return whole(stream.get("width")) > 0 and whole(stream.get("height")) > 0


def _videos(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        stream
        for stream in answer.get("streams", [])
        if stream.get("codec_type") == "video" and not stream.get("disposition", {}).get("attached_pic")
    ]


def _tracks(answer: dict[str, Any], container: Container) -> list[Track]:
    return [
        Track(
            index=int(stream["index"]),
            number=number,
            width=whole(stream.get("width")),
            height=whole(stream.get("height")),
            end=_end_of(stream, answer, container),
            frames=whole(stream.get("nb_frames")),
            frame_rate=ratio(stream.get("avg_frame_rate")),
        )
        for number, stream in enumerate(_videos(answer), start=1)
    ]


def _end_of(stream: dict[str, Any], answer: dict[str, Any], container: Container) -> float:
    return end_of(stream, answer.get("format", {}), absolute=container == MATROSKA)


def _sounds(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [stream for stream in answer.get("streams", []) if stream.get("codec_type") == "audio"]


def _unheard(answer: dict[str, Any]) -> float:
    start = min((late(stream, answer.get("format", {})) for stream in _sounds(answer)), default=0.0)
    return start - 1.0 if start > LONGEST_TITLE else 0.0


def _why_no_video(answer: dict[str, Any]) -> str:
    cover = any(stream.get("codec_type") == "video" for stream in answer.get("streams", []))
    return COVER_ONLY if cover else NO_VIDEO


def _require_bounds(media: Media, stream: dict[str, Any], limits: Limits) -> None:
    if stream["width"] * stream["height"] > limits.max_video_pixels:
        raise too_many_pixels(media.width, media.height, limits.max_video_pixels)
    if media.duration > limits.longest:
        raise TooLong(too_long(media.duration, limits))


def too_long(seconds: float, limits: Limits) -> str:
    long, most = clock(seconds), clock(limits.max_duration)
    if long == most:
        long, most = f"{beside(seconds, limits.max_duration)} s", f"{limits.max_duration:g} s"
    return f"The video is {long} long; the limit is {most}. Upload it in parts."


def holds(seconds: float, claimed: float) -> str:
    held, whole = clock(seconds), clock(claimed)
    if held == whole:
        held, whole = f"{beside(seconds, claimed, digits=1)} s", f"{claimed:.1f} s"
    return f"it holds {held} of {whole}"


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _square_size(stream: dict[str, Any]) -> tuple[int, int]:
    """The size with square pixels: the shorter way is stretched, so that nothing is lost."""
    width, height = int(stream["width"]), int(stream["height"])
    stretch = ratio(stream.get("sample_aspect_ratio"), ":") or 1.0
    if not 1 / MOST_STRETCH <= stretch <= MOST_STRETCH:
        return width, height
    return (round(width * stretch), height) if stretch > 1 else (width, round(height / stretch))


def _display_matrix(stream: dict[str, Any]) -> tuple[int, int, int, int]:
    text = next((side["displaymatrix"] for side in stream.get("side_data_list", ()) if "displaymatrix" in side), "")
    rows = re.findall(r"^[0-9]+: +(-?[0-9]{1,11}) +(-?[0-9]{1,11}) ", text, re.MULTILINE)
    if not rows:
        return UPRIGHT_MATRIX
    (a, b), (c, d) = rows[:2]
    return int(a), int(b), int(c), int(d)


def _is_bidirectional(stream: dict[str, Any], container: Container) -> bool:
    """Whether frames may be left out: an index lets samples that need them be read later."""
    known = container in INDEXED and stream.get("codec_name") in BIDIRECTIONAL_CODECS
    return known and whole(stream.get("has_b_frames")) > 0
