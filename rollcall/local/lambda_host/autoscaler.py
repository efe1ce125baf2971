"""Applies the scaling policy: what was seen of one queue lately, and how many workers follow from it."""

from collections import deque

from rollcall.pipeline.scaling import Load, Policy, desired_workers, needed_workers


class Autoscaler:
    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._peaks: deque[Load] = deque()  # newest last, each higher than all after it

    def observe(self, *, waiting: int, batches: int, now: float) -> int:
        """How many workers there should be, for so many waiting messages and batches in hand."""
        load = Load(at=now, waiting=waiting, in_hand=batches * self._policy.batch_size)
        while self._peaks and self._needed(self._peaks[-1]) <= self._needed(load):
            self._peaks.pop()
        self._peaks.append(load)
        while self._peaks[0].at < now - self._policy.scale_in_after:
            self._peaks.popleft()
        return desired_workers(self._policy, self._peaks, now=now)

    def _needed(self, load: Load) -> int:
        return needed_workers(self._policy, waiting=load.waiting, in_hand=load.in_hand)
