"""How much of an upload is stored and recognized: enough for any real video, and no more than its size explains.

A file can repeat a picture that is hard to compress for hours, with a few bytes. What is over the budget is sampled
more and more coarsely. Each time half of what was left is spent, the least time between two pictures doubles.
"""

from dataclasses import dataclass
from typing import Self

from rollcall.contracts.events import Stretch
from rollcall.media.videos.limits import Limits

COARSEST = 4096  # samples
NOTE = (
    "The file unpacks to far more picture than its size explains, so parts of it were looked at less often. "
    "Times there are less exact."
)


@dataclass
class Budget:
    """The budget of one stretch of an upload, and how much of it is spent."""

    most_bytes: int
    most_frames: int
    spent_bytes: int = 0
    spent_frames: int = 0

    @classmethod
    def of(cls, stretch: Stretch, size: int, limits: Limits) -> Self:
        """`size`: bytes of the upload."""
        stored = min(limits.max_stored_bytes, limits.least_stored_bytes + limits.stored_bytes_per_byte * size)
        frames = min(limits.max_recognitions, limits.least_recognitions + size // limits.bytes_per_recognition)
        return cls(
            most_bytes=max(1, stored // stretch.share),
            most_frames=max(1, frames // stretch.share),
            spent_bytes=stretch.spent_bytes,
            spent_frames=stretch.spent_frames,
        )

    def spend(self, jpeg: bytes) -> None:
        self.spent_bytes += len(jpeg)
        self.spent_frames += 1

    @property
    def spacing(self) -> int:
        """The least number of samples between a picture and the next one."""
        left = min(1 - self.spent_bytes / self.most_bytes, 1 - self.spent_frames / self.most_frames)
        spacing = 1
        while spacing * left <= 0.5 and spacing < COARSEST:  # noqa: PLR2004
            spacing *= 2
        return spacing
