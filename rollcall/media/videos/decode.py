"""Sampling an upload: upright JPEG frames on an even time grid, in GoPs, from one pass of one ffmpeg."""

import math
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction

from rollcall.contracts.errors import DecoderCrashed, DecoderLost, TooLong, TooSlow, TruncatedMedia, UnreadableMedia
from rollcall.contracts.events import Stretch
from rollcall.media.containers import GIF, IVF
from rollcall.media.deadline import Deadline
from rollcall.media.source import Input, Source, as_source
from rollcall.media.videos.budget import Budget
from rollcall.media.videos.claimed_size import claim_of
from rollcall.media.videos.commands import (
    first_frame_command,
    leaves_out,
    sampled_size,
    video_command,
)
from rollcall.media.videos.division import grid
from rollcall.media.videos.failures import BROKEN_PICTURE, CUT_OFF, DAMAGED, ENDS_EARLY, broken_off, cut_or, explain
from rollcall.media.videos.ffmpeg import PAUSES, Binaries, Child, find, repeated, tell_of_replacement
from rollcall.media.videos.gaps import Turn, placed
from rollcall.media.videos.gops import Sample, pack
from rollcall.media.videos.limits import Limits
from rollcall.media.videos.mpjpeg import jpegs
from rollcall.media.videos.probe import Media, clock, holds
from rollcall.media.videos.timeline import NotAnchored, Timeline

MISSING_SECONDS = 1.5  # less than this at the end is what muxers round and viewers do not miss
MISSING_SHARE = 0.1  # of the whole: the same for short videos, where it is known that bytes are missing
# A sample may show a frame that was on screen this long before, where frames that no other refers to are left out
MOST_LAG = Fraction(1, 4)  # seconds; and never more than half of the time between samples
# Before a stretch, in seconds: enough with an index of key frames, without one, with key frames far apart
RUN_UPS = (2.0, 20.0, 200.0)
WHOLE = Stretch()


@dataclass(frozen=True, kw_only=True)
class Gop:
    index: int  # in the stretch
    first_frame: int  # number among the sampled frames of the whole video
    times: list[float]  # seconds from the start of the file
    frames: list[bytes]  # JPEG
    lasts: list[int]  # samples in a row that each of them stands for
    width: int  # of the frames
    height: int
    scale: float  # source pixels per frame pixel
    end: float  # seconds up to which these frames reach; the video's last one's is the decoded duration
    rest: Stretch  # what remains to be read after these
    cut: bool = False  # the file's end is missing, though little of the picture
    coarse: bool = False  # the budget did not allow for every sample that differs


def decode(
    source: Source | str,
    media: Media,
    *,
    frames_per_second: float,
    limits: Limits,
    stretch: Stretch = WHOLE,
    deadline: Deadline | None = None,
    binaries: Binaries | None = None,
) -> Generator[Gop, None, float | None]:
    """Yields the GoPs of the stretch. Returns the video's duration in seconds if its end was reached, else None.

    A video gives the same samples, however it is divided into stretches.
    """
    if media.photo:
        yield photo_gop(media)
        return 0.0
    source = as_source(source)
    with source.opened() as readable:
        opened = _Opened(
            source=readable,
            media=media,
            limits=limits,
            binaries=binaries or find(),
            deadline=deadline or Deadline.after(limits.decode_seconds),
        )
        try:
            return (yield from _decode_on(opened, grid(frames_per_second), stretch))
        except UnreadableMedia as error:
            claimed = claim_of(source, media.container.demuxer)
            raise cut_or(error, size=source.size, claimed=claimed.size) from None


@dataclass(frozen=True, kw_only=True)
class _Opened:
    source: Input
    media: Media
    limits: Limits
    binaries: Binaries
    deadline: Deadline

    def child(self, command: list[str], on_line: Callable[[str], None] | None = None) -> Child:
        seconds = self.deadline.left
        return Child(
            command,
            seconds=seconds,
            cpu_seconds=seconds * self.limits.threads,
            memory=self.limits.max_memory,
            files=self.source.files,
            port=self.source.port,
            on_line=on_line,
        )

    def first_jpeg(self, command: list[str]) -> bytes:
        return repeated(lambda: self._first_jpeg(command))

    def _first_jpeg(self, command: list[str]) -> bytes:
        with self.child(command) as child:
            for frame in jpegs(child, most_bytes=self.limits.max_frame_bytes):
                self.source.require_fetched()
                return frame
        raise explain(child.log, child.returncode, otherwise=DAMAGED)


def photo_gop(media: Media) -> Gop:
    return Gop(
        index=0,
        first_frame=0,
        times=[0.0],
        frames=[media.picture],
        lasts=[1],
        width=media.width,
        height=media.height,
        scale=1.0,
        end=0.0,
        rest=Stretch(first=1),
    )


def _decode_on(opened: _Opened, rate: Fraction, stretch: Stretch) -> Generator[Gop, None, float | None]:
    """Goes on after the last GoP if ffmpeg is lost or crashes; raises what happens again and again."""
    index, pauses = 0, iter(PAUSES)
    while True:
        try:
            with closing(_decode_video(opened, rate, stretch, index=index)) as gops:
                while True:
                    gop = next(gops)
                    yield gop
                    stretch, index, pauses = gop.rest, gop.index + 1, iter(PAUSES)
        except StopIteration as end:
            duration: float | None = end.value
            return duration
        except (DecoderLost, DecoderCrashed) as error:
            pause = next(pauses, None)
            if pause is None:
                raise
            tell_of_replacement(error, pause)


def _decode_video(
    opened: _Opened, rate: Fraction, stretch: Stretch, *, index: int
) -> Generator[Gop, None, float | None]:
    """`index`: the number of the first GoP."""
    origin = float(stretch.origin * opened.media.time_base)
    for run_up in RUN_UPS:
        seek = origin + float(stretch.first / rate) - run_up
        if seek <= origin:
            break
        try:
            return (yield from _decode_stretch(opened, rate, stretch, index=index, seek=seek))
        except NotAnchored:  # known before the first sample is handed out
            continue
    return (yield from _decode_stretch(opened, rate, stretch, index=index, seek=None))


def _decode_stretch(
    opened: _Opened, rate: Fraction, stretch: Stretch, *, index: int, seek: float | None
) -> Generator[Gop, None, float | None]:
    media, limits = opened.media, opened.limits
    width, height = sampled_size(media.width, media.height, longest=limits.max_frame_side)
    timeline = Timeline(
        frames_per_second=rate,
        stretch=stretch,
        sought=seek is not None,
        most_lag=min(MOST_LAG, 1 / (2 * rate)) if leaves_out(media, stretch) else None,
    )
    reading = _Reading(opened=opened, rate=rate, stretch=stretch, seek=seek, timeline=timeline)
    rest = stretch
    spent_bytes, spent_frames = stretch.spent_bytes, stretch.spent_frames
    with closing(reading.samples()) as samples:
        packs = pack(samples, most_frames=limits.max_frames_per_gop, most_seconds=limits.max_gop_seconds)
        for held, end in _with_ends(packs, reading):
            first = rest.first
            following = held[-1].number + held[-1].lasts
            if timeline.lagging is not None and timeline.lagging < following:
                break
            spent_bytes, spent_frames = spent_bytes + sum(len(one.jpeg) for one in held), spent_frames + len(held)
            rest = stretch.model_copy(
                update={
                    "first": following,
                    "origin": timeline.origin or 0,
                    "anchor": held[-1].latest_key,
                    "spent_bytes": spent_bytes,
                    "spent_frames": spent_frames,
                }
            )
            yield Gop(
                index=index,
                first_frame=first,
                times=[sample.time for sample in held],
                frames=[sample.jpeg for sample in held],
                lasts=[sample.lasts for sample in held],
                width=width,
                height=height,
                scale=media.width / width,
                end=end,
                rest=rest,
                coarse=reading.coarse,
                cut=reading.cut,
            )
            index += 1
        else:
            if reading.out_of_time is not None:
                raise reading.out_of_time
            if timeline.lagging is None or reading.duration is None:
                return reading.duration
    return (yield from _decode_video(opened, rate, rest.model_copy(update={"every_frame": True}), index=index))


def _with_ends(packs: Iterator[list[Sample]], reading: "_Reading") -> Iterator[tuple[list[Sample], float]]:
    """Ends of packs: where the next one starts, and for the last where the video or the stretch ends."""
    held = next(packs, [])
    while held:
        following = next(packs, [])
        yield held, following[0].time if following else reading.end
        held = following


class _Reading:
    """One run of ffmpeg over a stretch."""

    def __init__(
        self, *, opened: _Opened, rate: Fraction, stretch: Stretch, seek: float | None, timeline: Timeline
    ) -> None:
        self.duration: float | None = None  # seconds; set when the video has ended
        self.out_of_time: TooSlow | None = None  # though some samples could be handed out
        self.coarse = False
        self.cut = False
        self._opened = opened
        self._rate = rate
        self._stretch = stretch
        self._timeline = timeline
        self._next = stretch.first
        self._returncode: int | None = None  # of ffmpeg, once it has ended
        self._budget = Budget.of(stretch, opened.media.size, opened.limits)
        self._command = video_command(
            opened.source,
            opened.media,
            opened.limits,
            opened.binaries,
            rate=rate,
            stretch=stretch,
            seek=seek,
        )

    @property
    def end(self) -> float:
        """The end of the part that was read, in seconds."""
        return self._time(self._next) if self.duration is None else self.duration

    def samples(self) -> Generator[Sample, None, None]:
        """Each picture once, however long it stays, and no picture beyond the budget."""
        held: Sample | None = None
        try:
            for sample in self._each():
                hidden = 0 if held is None else self._hidden(held, sample)
                if held is not None and hidden:
                    held = replace(held, lasts=held.lasts + hidden, latest_key=sample.latest_key)
                if hidden == sample.lasts:
                    continue
                if held is not None:
                    yield held
                self._budget.spend(sample.jpeg)
                held = self._later(sample, hidden) if hidden else sample
        except TooSlow as slow:
            if held is None:
                raise
            self.out_of_time = slow
        if held is not None:
            yield replace(held, lasts=held.lasts + self._lasting_on())

    def _lasting_on(self) -> int:
        """Samples for which the last picture stays longer than ffmpeg says: it forgets how long a GIF shows it."""
        if self.duration is None or self._opened.media.container != GIF:
            return 0
        self.duration = max(self.duration, self._opened.media.duration)
        first, self._next = self._next, max(self._next, math.ceil(Fraction(self.duration) * self._rate))
        return self._next - first

    def _hidden(self, held: Sample, sample: Sample) -> int:
        """How many samples of this picture count for the one before, because it is the same or comes too soon."""
        if sample.jpeg == held.jpeg:
            return sample.lasts
        too_soon = max(0, held.number + self._budget.spacing - sample.number)
        self.coarse |= too_soon > 0
        return min(too_soon, sample.lasts)

    def _later(self, sample: Sample, by: int) -> Sample:
        number = sample.number + by
        return replace(sample, number=number, time=self._time(number), key=False, lasts=sample.lasts - by)

    def _each(self) -> Iterator[Sample]:
        heard = float(self._rate) * (self._opened.media.sound_end - self._offset)
        with closing(self._turns()) as turns:
            for turn in placed(turns, first=self._stretch.first, rate=self._rate, heard=heard):
                yield self._sample(turn)
                if self._next == self._stretch.end:
                    return
        timeline = self._timeline
        if self._next == 0 and timeline.frames == 1:  # a frame that lasts no time is at no instant of the grid
            yield self._sample(Turn(jpeg=self._first_frame(), start=0, end=1))
        else:
            self._require_unbroken(self._returncode, self._next)
        claimed = max(0.0, self._opened.media.duration - self._offset)
        timeline.end(samples=self._next, claimed=claimed)
        self.duration = self._offset + timeline.duration(samples=self._next, claimed=claimed)
        self._require_whole(self.duration)

    def _turns(self) -> Generator[Turn, None, None]:
        timeline, source = self._timeline, self._opened.source
        with self._opened.child(self._command, timeline.feed) as child:
            for jpeg in jpegs(child, most_bytes=self._opened.limits.max_frame_bytes):
                source.require_fetched()  # what follows is a picture that was cut off, or its neighbor
                timeline.require_anchor()
                yield timeline.take_turn(jpeg)
        source.require_fetched()
        timeline.require_anchor()
        self._returncode = child.returncode

    def _sample(self, turn: Turn) -> Sample:
        self._next = turn.end if self._stretch.end is None else min(turn.end, self._stretch.end)
        limits = self._opened.limits
        if self._time(self._next - 1) > limits.longest:
            raise TooLong(f"The video is too long; the limit is {clock(limits.max_duration)}. Upload it in parts.")
        return Sample(
            number=turn.start,
            time=self._time(turn.start),
            jpeg=turn.jpeg,
            key=self._timeline.take_key(turn.start),
            lasts=self._next - turn.start,
            latest_key=self._timeline.latest_key,
        )

    def _first_frame(self) -> bytes:
        opened = self._opened
        command = first_frame_command(opened.source, opened.media, opened.limits, opened.binaries)
        return opened.first_jpeg(command)

    @property
    def _offset(self) -> float:
        """Seconds from the start of the file to the first frame. Here is where time zero is defined."""
        media = self._opened.media
        late = media.clock_start + self._timeline.start
        return late if 0 < late <= media.latest_start else 0.0

    def _time(self, number: int) -> float:
        """Seconds from the start of the file, as players show them."""
        return self._offset + float(number / self._rate)

    def _require_unbroken(self, returncode: int | None, number: int) -> None:
        """Keeps what decoded despite errors in the middle; a crash or a failed read is an error."""
        timeline = self._timeline
        alone = timeline.frames == 1 and self._stretch.first == 0
        lone_and_broken = alone and any(map(BROKEN_PICTURE.search, timeline.problems))
        if number == 0 or timeline.frames == 0 or (returncode or 0) < 0 or lone_and_broken:
            raise explain(timeline.problems, returncode, otherwise=DAMAGED)
        failure = broken_off(timeline.problems)
        if failure is not None:
            raise failure

    def _require_whole(self, decoded: float) -> None:
        media = self._opened.media
        known_to_be_cut = media.claim.size > media.size
        claimed = max(media.duration, media.claim.seconds)
        if known_to_be_cut and not claimed:
            claimed = decoded * media.claim.size / media.size
        usual_frame = 1 / media.frame_rate if media.frame_rate else 0.0
        missing = claimed - decoded
        # IVF's claim counts its pictures, and nothing else shows that some are missing
        certain = known_to_be_cut or media.container == IVF
        tolerated = min(MISSING_SECONDS, MISSING_SHARE * claimed) if certain else MISSING_SECONDS
        if missing > max(tolerated, 2 * usual_frame) and (certain or self._ran_out):
            raise TruncatedMedia(
                f"The file is incomplete: {holds(decoded, claimed)}. Upload it again from the original."
            )
        # a size that lies is no reason to tell of something missing; a GIF does not say how long it should be
        shown = missing > usual_frame / 2 or media.container == GIF
        self.cut = (certain and shown) or any(map(ENDS_EARLY.search, self._timeline.problems))

    @property
    def _ran_out(self) -> bool:
        """Whether the demuxer came to the end too early."""
        return any(map(CUT_OFF.search, self._timeline.problems))
