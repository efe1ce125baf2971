"""Tells a queue what has become of its messages: what comes together while it is being told is told at once."""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from threading import Condition, Thread
from typing import TYPE_CHECKING

from rollcall.runtime.worker.message_source import MAX_RECEIVED, MessageSource

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef


LINGER_SECONDS = 0.05


class Settler:
    """`failed` is called, in a thread of this one's own, where the queue cannot be told."""

    def __init__(self, source: MessageSource, *, name: str, failed: Callable[[], None]) -> None:
        self._source = source
        self._failed = failed
        self._waiting: deque[tuple[MessageTypeDef, bool]] = deque()
        self._changed = Condition()
        self._closed = False
        self._thread = Thread(target=self._run, name=f"{name}-settler", daemon=True)
        self._thread.start()

    def settle(self, messages: Sequence["MessageTypeDef"], failed: Collection[str]) -> None:
        with self._changed:
            self._waiting.extend((message, message["MessageId"] in failed) for message in messages)
            self._changed.notify()

    def close(self) -> None:
        """Waits until all is told, and ends the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while some := self._next():
            try:
                self._source.settle(
                    [message for message, _ in some], {message["MessageId"] for message, failed in some if failed}
                )
            except Exception:  # the thread's end: the queue would never be told of anything again
                self._failed()

    def _next(self) -> list[tuple["MessageTypeDef", bool]]:
        """The next messages to settle; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            # the next message is done in a moment: a request for each would cost more than telling of it later
            self._changed.wait_for(lambda: len(self._waiting) >= MAX_RECEIVED or self._closed, LINGER_SECONDS)
            return [self._waiting.popleft() for _ in range(min(MAX_RECEIVED, len(self._waiting)))]
