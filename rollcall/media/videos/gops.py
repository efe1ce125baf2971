"""Packs sampled frames into GoPs: by the stream's own key frames where they are in reach, else by length."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Sample:
    """A picture, at the first of the samples that it stands for."""

    number: int
    time: float  # seconds from the start of the file
    jpeg: bytes
    key: bool  # a key frame came since the sample before
    lasts: int = 1  # samples
    latest_key: int | None = None  # its own time in the stream, or that of the latest one before; time base units


def pack(samples: Iterable[Sample], *, most_frames: int, most_seconds: float) -> Iterator[list[Sample]]:
    """Lists within both bounds, each at least half full except the last: S3 charges for each object, so for each
    pack.
    """
    held: list[Sample] = []
    for sample in samples:
        if held and (len(held) == most_frames or sample.time - held[0].time >= most_seconds):
            cut = _boundary([*held, sample])
            yield held[:cut]
            held = held[cut:]
        held.append(sample)
    if held:
        yield held


def _boundary(samples: list[Sample]) -> int:
    """Where the next pack starts: the last key frame in the second half, else the end. The last sample belongs to the
    next.
    """
    last = len(samples) - 1
    middle = (samples[0].number + samples[last].number) / 2
    return next((at for at in range(last, 0, -1) if samples[at].key and samples[at].number > middle), last)


def fewest_samples(*, frames_per_second: Fraction, most_frames: int, most_seconds: float) -> int:
    """The least samples of every pack but the last."""
    full = min(most_frames, math.ceil(most_seconds * frames_per_second))
    return full // 2 + 1
