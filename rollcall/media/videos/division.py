"""How uploads are sampled and divided, and how many pack numbers they need."""

import math
from dataclasses import dataclass
from fractions import Fraction

from rollcall.contracts.packs import MAX_PACKS
from rollcall.media.videos.gops import fewest_samples
from rollcall.media.videos.limits import Limits
from rollcall.media.videos.video_tracks import MOST_TRACKS


def grid(frames_per_second: float) -> Fraction:
    """Sample k is due k / rate seconds after the first frame starts."""
    return Fraction(frames_per_second).limit_denominator(1000)


@dataclass(frozen=True, kw_only=True)
class Division:
    frames_per_second: float
    range_seconds: float  # of video; a longer one is divided
    limits: Limits
    every_track: bool = False  # else the longest moving picture alone is read

    @property
    def grid(self) -> Fraction:
        return grid(self.frames_per_second)

    @property
    def fewest_samples(self) -> int:
        """The least samples in a pack; only the last pack of a range may hold fewer."""
        return fewest_samples(
            frames_per_second=self.grid,
            most_frames=self.limits.max_frames_per_gop,
            most_seconds=self.limits.max_gop_seconds,
        )

    @property
    def most_tracks(self) -> int:
        """The most tracks of one file that are read, so that each has pack numbers of its own."""
        return min(MOST_TRACKS, MAX_PACKS // self.most_packs)

    @property
    def most_packs(self) -> int:
        """The most packs of a video of the longest duration."""
        samples = self.limits.longest * self.frames_per_second
        return math.ceil(samples / self.fewest_samples) + math.ceil(self.limits.longest / self.range_seconds)
