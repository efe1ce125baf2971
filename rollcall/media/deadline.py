"""The time by which work has to end."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

# To store the pack in hand, to hand the rest back, and to report; and no hand-back sets off the alarm about the time
RESERVE_SECONDS = 120


@dataclass(frozen=True)
class Deadline:
    at: float  # of the clock
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float) -> Self:
        return cls(time.monotonic() + seconds)

    @classmethod
    def before_timeout(cls, seconds: float) -> Self:
        """`seconds`: the time until the invocation is ended."""
        return cls.after(seconds - RESERVE_SECONDS)

    @property
    def left(self) -> float:
        """Seconds; 0 once it has passed."""
        return max(0.0, self.at - self.clock())
