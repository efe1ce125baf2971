"""Recognized photos wait here until they are stored.

A few threads write beside the answers. They hold back while photos are being looked at, unless more than half of the
room is used. With no room left, answers wait: nothing is dropped.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

from rollcall.api.photos.photo_store import KeptPhoto
from rollcall.runtime.observability import logger

ATTEMPTS = 3
QUIET_SECONDS = 0.25  # without a photo being looked at


class Archive:
    def __init__(
        self, write: Callable[[KeptPhoto], None], *, room: int, threads: int, busy: Callable[[], bool]
    ) -> None:
        """`room`: bytes that may wait; `busy`: whether somebody waits for an answer right now."""
        self._write = write
        self._room = room
        self._busy = busy
        self._waiting: deque[KeptPhoto] = deque()
        self._in_hand: dict[str, KeptPhoto] = {}
        self._bytes = 0
        self._closing = False
        self._quiet_from = 0.0
        self._hurried = 0  # how many wait in `flush`
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def keep(self, kept: KeptPhoto) -> None:
        """Returns at once while there is room."""
        with self._changed:
            self._changed.wait_for(lambda: self._bytes + kept.size <= self._room or not self._waiting)
            self._waiting.append(kept)
            self._bytes += kept.size
            self._changed.notify_all()

    def has(self, key: str) -> bool:
        """Whether the photo still waits to be written."""
        with self._changed:
            return key in self._in_hand or any(kept.key == key for kept in self._waiting)

    def waiting(self) -> int:
        """Photos that are not written yet."""
        with self._changed:
            return len(self._waiting) + len(self._in_hand)

    def flush(self) -> None:
        """Returns once everything that was given until now is written."""
        with self._changed:
            wanted = {kept.key for kept in self._waiting} | set(self._in_hand)
            self._hurried += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: wanted.isdisjoint(self._in_hand) and self._none_waits(wanted))
            self._hurried -= 1

    def settle(self) -> None:
        """Returns once what is being written now is written. What follows asks who is still enrolled."""
        with self._changed:
            now = set(self._in_hand)
            self._changed.wait_for(lambda: now.isdisjoint(self._in_hand))

    def close(self) -> None:
        self.flush()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (kept := self._next()) is not None:
            try:
                self._try_to_write(kept)
            finally:
                with self._changed:
                    del self._in_hand[kept.key]
                    self._bytes -= kept.size
                    self._changed.notify_all()

    def _next(self) -> KeptPhoto | None:
        with self._changed:
            while not self._waiting or self._holds_back():
                if self._closing:
                    return None
                self._changed.wait(QUIET_SECONDS / 10 if self._waiting else None)
            kept = self._waiting.popleft()
            self._in_hand[kept.key] = kept
            return kept

    def _none_waits(self, keys: set[str]) -> bool:
        return all(kept.key not in keys for kept in self._waiting)

    def _holds_back(self) -> bool:
        if self._busy():
            self._quiet_from = time.monotonic() + QUIET_SECONDS
        quiet = time.monotonic() >= self._quiet_from
        return not (quiet or self._hurried or self._closing or self._bytes > self._room // 2)

    def _try_to_write(self, kept: KeptPhoto) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._write(kept)
            except Exception:
                logger.exception("photo not kept", key=kept.key, attempt=attempt, attempts=ATTEMPTS)
                time.sleep(0.2 * attempt)
