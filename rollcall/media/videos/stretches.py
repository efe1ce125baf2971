"""Divides a long video into stretches, if each can be read without the stretches before it."""

import math
from collections.abc import Mapping
from contextlib import closing

from rollcall.contracts.errors import RollcallError
from rollcall.contracts.events import SplitRange, Stretch, Upload
from rollcall.contracts.packs import MAX_SAMPLES
from rollcall.media.containers import INDEXED
from rollcall.media.deadline import Deadline
from rollcall.media.source import Source
from rollcall.media.videos.decode import WHOLE, Gop, decode
from rollcall.media.videos.division import Division
from rollcall.media.videos.ffmpeg import Binaries
from rollcall.media.videos.probe import Media

TRIAL_SECONDS = 20.0  # a seek by an index takes one or two; without one the file is read up to there


def divide(
    source: Source | str, media: Media, division: Division, *, binaries: Binaries | None = None
) -> list[Stretch]:
    """The whole as one stretch, unless it is long and a seek to the last stretch finds a frame there."""
    count = math.ceil(media.duration / division.range_seconds)
    if count <= 1 or media.container not in INDEXED:
        return [WHOLE]
    first = _try(source, media, division, Stretch(end=1), binaries)
    if first is None or first.times[0] >= media.duration:
        return [WHOLE]
    samples = math.ceil((media.duration - first.times[0]) * division.grid)
    stretches = _evenly(samples, count, origin=first.rest.origin)
    last = stretches[-1]
    trial = last.model_copy(update={"end": last.first + 1})
    return [WHOLE] if _try(source, media, division, trial, binaries) is None else stretches


def ranges_of(upload: Upload, tracks: Mapping[int | None, list[Stretch]], division: Division) -> list[SplitRange]:
    """Ranges with pack and frame numbers of their own, as many as each can need at most. `tracks`: stretches by
    stream.
    """
    return [
        SplitRange(
            upload=upload,
            stretch=stretch,
            first_pack=order * division.most_packs + stretch.first // division.fewest_samples + number,
            track=track,
            base=order * MAX_SAMPLES,
            then=(order + 1) * MAX_SAMPLES if order + 1 < len(tracks) else None,
        )
        for order, (track, stretches) in enumerate(tracks.items())
        for number, stretch in enumerate(stretches)
    ]


def _evenly(samples: int, count: int, *, origin: int) -> list[Stretch]:
    count = min(count, samples)
    bounds = [samples * number // count for number in range(count)]
    ends = [*bounds[1:], None]
    return [Stretch(first=first, end=end, origin=origin, share=count) for first, end in zip(bounds, ends, strict=True)]


def _try(
    source: Source | str, media: Media, division: Division, stretch: Stretch, binaries: Binaries | None
) -> Gop | None:
    gops = decode(
        source,
        media,
        frames_per_second=division.frames_per_second,
        limits=division.limits,
        stretch=stretch,
        deadline=Deadline.after(TRIAL_SECONDS),
        binaries=binaries,
    )
    try:
        with closing(gops):
            return next(gops, None)
    except RollcallError:  # any error: reading the file from its start will meet it and tell it better
        return None
