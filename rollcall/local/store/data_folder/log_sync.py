"""One sync of the disk for all threads that wait for one."""

import os
import threading
from pathlib import Path

from rollcall.local.store import disk


class LogSync:
    """Has the disk keep the log. Whoever asks while a sync runs waits for the next one, which one of them begins."""

    def __init__(self, log: Path) -> None:
        # SQLite keeps one log as long as a connection is open, and locks other files: this descriptor disturbs nothing
        self._descriptor = os.open(log, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._changed = threading.Condition()
        self._begun = self._ended = 0
        self._error: OSError | None = None

    def wait(self) -> None:
        with self._changed:
            wanted = self._begun + 1  # one that has begun may have missed what was written last
            self._changed.wait_for(lambda: self._ended >= wanted or self._ended == self._begun or self._error)
            if self._error is not None:
                raise self._error
            if self._ended >= wanted:
                return
            self._begun += 1
        self._sync()

    def close(self) -> None:
        os.close(self._descriptor)

    def _sync(self) -> None:
        error = None
        try:
            disk.sync(self._descriptor)
        except OSError as failure:  # what a disk has lost once, it does not tell of twice: nobody may go on
            error = failure
        with self._changed:
            self._ended += 1
            self._error = error
            self._changed.notify_all()
        if error is not None:
            raise error
