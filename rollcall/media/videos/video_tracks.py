"""Which video track of a file is read: the longest moving picture; and a sentence on those left out."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_TRACKS = 8  # that are read of one file: cars have four cameras
MOVING = 4.0  # frames per second: what shows fewer is a row of slides
AS_LONG = 0.9  # of the longest: tracks of one recording end within some frames of each other


@dataclass(frozen=True, kw_only=True)
class Track:
    """A video track as the header describes it."""

    index: int  # of the stream in the file
    number: int  # among the file's video tracks, from 1
    width: int  # pixels, 0 where unknown
    height: int
    end: float  # seconds from the start of the file, 0 where unknown
    frames: int  # 0 where unknown
    frame_rate: float  # frames per second, 0 where unknown

    @property
    def readable(self) -> bool:
        return self.width > 0 and self.height > 0

    @property
    def still(self) -> bool:
        return self.frames == 1

    @property
    def moving(self) -> bool:
        return not self.still and (self.frame_rate == 0.0 or self.frame_rate >= MOVING)


def longest(tracks: Sequence[Track]) -> Track:
    """The longest moving picture; if several are about as long, the largest, and then the first."""
    moving = [track for track in tracks if track.moving] or [track for track in tracks if not track.still] or tracks
    enough = AS_LONG * max(track.end for track in moving)
    return max((track for track in moving if track.end >= enough), key=lambda track: track.width * track.height)


def left_out(tracks: Sequence[Track], read: Sequence[Track]) -> list[str]:
    """The note to the owner about tracks that are not read: a sentence, or none."""
    skipped = [track for track in tracks if track not in read]
    if not skipped:
        return []
    named = ", ".join(_described(track) for track in skipped[:3]) + (", …" if skipped[3:] else "")
    only = f"only track {read[0].number} was" if len(read) == 1 else f"only {len(read)} of them were"
    moving = len(read) == 1 and any(track.readable and not track.still for track in skipped)
    advice = " Set tracks to all to look at every one." if moving else ""
    return [f"The file has {len(tracks)} video tracks, and {only} looked at. Left out: {named}.{advice}"]


def _described(track: Track) -> str:
    size = f"{track.width}×{track.height}" if track.readable else "unreadable"
    return f"track {track.number} ({size}{', a still picture' if track.still else ''})"
