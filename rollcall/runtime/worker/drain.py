"""A request to stop, as ECS sends it two minutes before it scales in, deploys or takes Spot capacity back."""

import time
from collections.abc import Callable


class Drain:
    """`grace`: seconds from the request until what is not finished has to be given back."""

    def __init__(self, *, grace: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._grace = grace
        self._clock = clock
        self._requested_at: float | None = None

    @property
    def requested(self) -> bool:
        return self._requested_at is not None

    @property
    def over(self) -> bool:
        return self._requested_at is not None and self._clock() - self._requested_at >= self._grace

    def request(self) -> None:
        if self._requested_at is None:
            self._requested_at = self._clock()
