"""Waits for an answer, and says where it is stuck if none comes."""

import time
from collections.abc import Callable

from rollcall.cli.deployment import Deployment
from rollcall.cli.smoke.failure import SmokeTestFailed
from rollcall.cli.submissions import Stage
from rollcall.pipeline.roles import LOOKUP, RECOGNIZE, SPLIT, dead_letters

POLL_SECONDS = 0.5
WORKED_ON_BY = {"splitting": SPLIT, "recognizing": RECOGNIZE}  # by the stage that is shown; LOOKUP has the rest


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
        by = WORKED_ON_BY.get(stage.name, LOOKUP)
        waiting, working = self._deployment.queue_counts(by.queue)
        dead, _ = self._deployment.queue_counts(dead_letters(by.queue))
        prefix = self._deployment.prefix
        return (
            f"the queue {by.queue_of(prefix)} has {waiting} messages waiting, {working} in work and {dead} dead"
            f" letters; look at the log of {prefix}-{by.function} and at `rollcall status` (--keep leaves all of"
            " it there, --timeout waits for longer)"
        )
