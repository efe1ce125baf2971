"""Parts of `rollcall up` that are started again when they end, and given up when they end again and again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rollcall.contracts.errors import RollcallError

QUICK_SECONDS = 5.0  # a part that did its work for less, or never began to, ended quickly
MOST_QUICK_ENDS = 10  # one after the other
LONGEST_DELAY = 8.0


class NotRestarted(RollcallError):
    """A part could not be started again; the message says why."""


def always() -> bool:
    return True


def nothing() -> None:
    pass


@dataclass(kw_only=True)
class Part:
    """A part that runs.

    `ended` says how it ended, and is None while it runs. `restart` starts it again and says what was lost, or raises
    NotRestarted. `serving` says whether it has begun to work since then. `abandon` is called when it is given up.
    """

    name: str
    ended: Callable[[], str | None]
    restart: Callable[[], str]
    serving: Callable[[], bool] = always
    abandon: Callable[[], None] = nothing
    served_from: float | None = None
    due: float | None = None  # when it is to be started
    quick_ends: int = 0
    given_up: bool = False


class Supervisor:
    """Call `check` often. After the first quick end a restart waits, for 1, 2, 4 and then 8 seconds."""

    def __init__(
        self, parts: Sequence[Part], *, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._parts = parts
        self._tell = tell
        self._clock = clock

    def check(self) -> None:
        for part in self._parts:
            if not part.given_up:
                self._check(part)

    def _check(self, part: Part) -> None:
        if part.due is None:
            how = part.ended()
            if how is not None:
                self._plan(part, how)
            elif part.served_from is None and part.serving():
                part.served_from = self._clock()
        if part.due is not None and self._clock() >= part.due:
            self._start(part)

    def _plan(self, part: Part, how: str) -> None:
        quick = part.served_from is None or self._clock() - part.served_from < QUICK_SECONDS
        part.quick_ends = part.quick_ends + 1 if quick else 0
        if part.quick_ends >= MOST_QUICK_ENDS:
            part.given_up = True
            part.abandon()
            self._tell(
                f"{part.name} ended ({how}), {part.quick_ends} times in a row soon after its start; it is not started"
                " again, the other parts go on; stop `rollcall up` and start it again"
            )
            return
        delay = 0.0 if part.quick_ends < 2 else min(LONGEST_DELAY, 2.0 ** (part.quick_ends - 2))  # noqa: PLR2004
        self._tell(f"{part.name} ended ({how}); it is started again{f' in {delay:.0f} s' if delay else ''}")
        part.due = self._clock() + delay

    def _start(self, part: Part) -> None:
        part.due = part.served_from = None
        try:
            self._tell(part.restart())
        except NotRestarted as error:
            self._plan(part, str(error))
