"""A batch in hand: hidden from others while it is worked on, given back if it cannot be finished in time."""

import os
import time
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from rollcall.runtime.observability import logger
from rollcall.runtime.worker.drain import Drain
from rollcall.runtime.worker.message_source import MessageSource

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

BEATS = 3  # in each lease: two may get lost
LOOK_SECONDS = 0.2
DRAINED, OVERDUE = 0, 1  # exit codes


class Lease:
    """A context manager around the work on a batch; it is renewed for `seconds` at a time.

    The work is code that cannot be interrupted from outside, so the process ends with it. That is after `timeout`
    seconds, as on Lambda, or when the worker's drain is over. The messages are given back first.
    """

    def __init__(
        self,
        messages: Sequence["MessageTypeDef"],
        *,
        source: MessageSource,
        seconds: int,
        timeout: float,
        drain: Drain,
        end_process: Callable[[int], object] = os._exit,
    ) -> None:
        self._messages = messages
        self._source = source
        self._deadline = time.monotonic() + timeout
        self._seconds = seconds
        self._next_beat = time.monotonic() + seconds / BEATS
        self._drain = drain
        self._end_process = end_process
        self._finished = Event()
        self._keeper = Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._finished.set()
        self._keeper.join()

    @property
    def left(self) -> float:
        """Seconds until the work is cut off."""
        return max(0.0, self._deadline - time.monotonic())

    def _keep(self) -> None:
        while not self._finished.wait(LOOK_SECONDS):
            if self._drain.over:
                return self._end("given back: the worker was told to stop", DRAINED, back_off=False)
            if self.left == 0:
                return self._end("given back: not finished within the function's time", OVERDUE, back_off=True)
            if time.monotonic() >= self._next_beat:
                self._beat()

    def _beat(self) -> None:
        self._next_beat = time.monotonic() + self._seconds / BEATS
        try:
            self._source.keep(self._messages, self._seconds)
        except (BotoCoreError, ClientError):
            logger.exception("the queue cannot be told that a batch is still being worked on")

    def _end(self, reason: str, code: int, *, back_off: bool) -> None:
        try:
            if back_off:
                self._source.settle(self._messages, {message["MessageId"] for message in self._messages})
            else:
                self._source.give_back(self._messages)
        except (BotoCoreError, ClientError):
            logger.exception("a batch could not be given back; it comes again when its lease ends")
        logger.warning(reason, messages=len(self._messages))
        self._end_process(code)
