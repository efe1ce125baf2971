"""Notices that no answer will come: a function that cannot even start tells nobody."""

import time
from collections.abc import Callable, Mapping

from rollcall.contracts.errors import RollcallError
from rollcall.local.lambda_host.event_source_mapping import FunctionStatus

PATIENCE_SECONDS = 45.0  # longer than a message can be held back before it is tried again
LOOK_SECONDS = 2.0
FAILED_STARTS = 4  # in a row: a function that never starts has work for ever


class Stalled(RollcallError):
    """Files wait for an answer, but no function works on anything."""


class Watchdog:
    def __init__(
        self, status: Callable[[], Mapping[str, FunctionStatus]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._status = status
        self._clock = clock
        self._looked = self._busy = clock()

    def check(self, *, moved: bool = False) -> None:
        """Call it often while files wait. Raises Stalled if there has been nothing to do for too long.

        `moved`: files are being uploaded or results fetched, which no function sees.
        """
        now = self._clock()
        if moved:
            self._busy = now
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        if any(_works(function) for function in self._status().values()):
            self._busy = now
        elif now - self._busy > PATIENCE_SECONDS:
            raise Stalled(f"no answer, and no work left for {PATIENCE_SECONDS:.0f} s; the functions' logs say why")


def _works(function: FunctionStatus) -> bool:
    return function.failed_starts < FAILED_STARTS and bool(function.in_flight or function.backlog)
