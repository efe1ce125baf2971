"""When deleted bytes leave the disk.

SQLite clears what it deletes, but the log and the file before it still hold the bytes, until the log begins anew. That
is due some time after a deletion: files of deleted objects stay as long, for those who are copying the folder.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from rollcall.local.store import disk

ERASE_SECONDS = 600.0
MARK = Path(".store") / "erase"  # is there while something has to be erased: also after a crash


class Erasure:
    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._mark = folder / MARK
        self._clock = clock
        self._turn = threading.Lock()
        self._due = clock() if self._mark.exists() else None

    def want(self) -> None:
        """Inside the transaction that deletes."""
        with self._turn:
            if self._due is None:
                self._mark.touch()
                disk.sync_folder(self._mark.parent)
                self._due = self._clock() + ERASE_SECONDS

    @property
    def due(self) -> bool:
        return self._due is not None and self._clock() >= self._due

    def begin(self) -> None:
        """What is deleted from now on waits for the next time."""
        with self._turn:
            self._due = None

    def end(self, *, well: bool) -> None:
        with self._turn:
            if not well:
                self._due = self._clock()
            elif self._due is None:
                self._mark.unlink(missing_ok=True)
