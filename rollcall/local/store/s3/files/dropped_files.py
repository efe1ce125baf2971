"""Files that no object has any more, and that stay a little longer.

Whoever copies the folder may have copied the database before, and need them still.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

from rollcall.local.store.s3.files.blobs import Blobs

KEEP_SECONDS = 600.0
KEEP_BYTES = 1024**3  # in all


class DroppedFiles:
    """A file that is still here when the process ends is removed by the next one."""

    def __init__(self, blobs: Blobs, clock: Callable[[], float] = time.monotonic) -> None:
        self._blobs = blobs
        self._clock = clock
        self._turn = threading.Lock()
        self._waiting: deque[tuple[float, str, int]] = deque()
        self._bytes = 0

    def add(self, blob: str) -> None:
        if not self._blobs.durable:  # nobody copies that
            self._blobs.drop(blob)
            return
        size = self._blobs.size(blob)
        with self._turn:
            self._waiting.append((self._clock() + KEEP_SECONDS, blob, size))
            self._bytes += size
            many = self._bytes > KEEP_BYTES
        if many:
            self.remove_old()

    def remove_old(self) -> None:
        while (blob := self._next(KEEP_BYTES)) is not None:
            self._blobs.drop(blob)

    def remove_all(self) -> None:
        """Room is needed."""
        while (blob := self._next(-1)) is not None:
            self._blobs.drop(blob)

    def _next(self, most_bytes: int) -> str | None:
        with self._turn:
            if not self._waiting or (self._waiting[0][0] > self._clock() and self._bytes <= most_bytes):
                return None
            _, blob, size = self._waiting.popleft()
            self._bytes -= size
            return blob
