"""Waits for an answer, and says where it is stuck if none comes."""

import time
from collections.abc import Callable

from rollcall.cli.deployment import Deployment
from rollcall.cli.smoke.failure import SmokeTestFailed
from rollcall.cli.submissions import Stage

POLL_SECONDS = 0.5
WORKED_ON_BY = {"splitting": ("split", "video-split"), "recognizing": ("recognize", "face-recognition")}
LAST = ("lookup", "lookup")


class Patience:
    """`seconds`: for each answer. `meanwhile` is called between two looks."""

    def __init__(self, deployment: Deployment, seconds: float, *, meanwhile: Callable[[], None]) -> None:
        self._deployment = deployment
        self._seconds = seconds
        self._meanwhile = meanwhile

    def wait(self, what: str, look: Callable[[], Stage]) -> None:
        end = time.monotonic() + self._seconds
        while not (stage := look()).finished:
            if time.monotonic() > end:
                raise SmokeTestFailed(f"{what} is still {stage} after {self._seconds:.0f} s: {self._stuck(stage)}")
            self._meanwhile()
            time.sleep(POLL_SECONDS)

    def _stuck(self, stage: Stage) -> str:
        queue, function = WORKED_ON_BY.get(stage.name, LAST)
        waiting, working = self._deployment.queue_counts(queue)
        dead, _ = self._deployment.queue_counts(f"{queue}-dead-letters")
        prefix = self._deployment.prefix
        return (
            f"the queue {prefix}-{queue} has {waiting} messages waiting, {working} in work and {dead} dead letters;"
            f" look at the log of {prefix}-{function} and at `rollcall status` (--keep leaves all of it there,"
            " --timeout waits for longer)"
        )
