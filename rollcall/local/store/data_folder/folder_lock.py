"""One server for each data folder."""

import fcntl
import os
from pathlib import Path

from rollcall.local.store.store_errors import StoreError

FILE = "store.lock"  # no name of a bucket: those have folders here


class FolderLock:
    """Held from the start on; the system releases it when the process ends, however it ends.

    Raises:
        StoreError: somebody else holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._file = os.fdopen(os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = self._file.read().strip() or "another process"
            self._file.close()
            raise StoreError(
                f"{folder} is in use by another server ({owner}): stop it, or choose another folder with --data"
            ) from None
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()}")
        self._file.flush()

    def release(self) -> None:
        self._file.close()
