"""Receivers that wait for messages: woken one by one as messages come, without asking the database meanwhile."""

import asyncio
import threading
from collections import defaultdict
from types import TracebackType
from typing import Self


class LongPolls:
    """`ring` may be called by any thread."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[Waiter]] = defaultdict(list)
        self._lock = threading.Lock()

    def waiter(self, queue: int) -> "Waiter":
        """A context manager. Whoever rings from its beginning on is heard."""
        return Waiter(self, queue)

    def ring(self, queue: int, messages: int = 1) -> None:
        """So many messages may be there now, or a bit later: whoever waits looks again."""
        with self._lock:
            woken = self._waiting[queue][:messages]
            del self._waiting[queue][:messages]
        for waiter in woken:
            waiter.wake()

    def add(self, waiter: "Waiter") -> None:
        with self._lock:
            if waiter not in self._waiting[waiter.queue]:
                self._waiting[waiter.queue].append(waiter)

    def remove(self, waiter: "Waiter") -> bool:
        """Whether it still waited: else somebody has rung for it."""
        with self._lock:
            if waiter not in self._waiting[waiter.queue]:
                return False
            self._waiting[waiter.queue].remove(waiter)
            return True


class Waiter:
    def __init__(self, polls: LongPolls, queue: int) -> None:
        self.queue = queue
        self._polls = polls
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()  # of the event loop
        self._rung = asyncio.Event()

    def __enter__(self) -> Self:
        self._polls.add(self)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if not self._polls.remove(self):  # rung since it last looked: the next one looks instead
            self._polls.ring(self.queue)

    def again(self) -> None:
        """Waits for the next ring; call it before another look."""
        self._rung.clear()
        self._polls.add(self)

    def wake(self) -> None:
        if threading.get_ident() == self._thread:
            self._rung.set()
            return
        try:
            self._loop.call_soon_threadsafe(self._rung.set)
        except RuntimeError:
            return  # the event loop has ended

    async def wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
