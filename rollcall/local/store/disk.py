"""Having the disk keep what was written."""

import fcntl
import os
from pathlib import Path

_FULL_SYNC = getattr(fcntl, "F_FULLFSYNC", None)  # macOS, where a plain sync stops at the disk's own memory


def sync(descriptor: int) -> None:
    """Returns once the content of an open file is on the disk. Raises OSError."""
    if _FULL_SYNC is None:
        os.fdatasync(descriptor)
    else:
        fcntl.fcntl(descriptor, _FULL_SYNC)


def sync_folder(folder: Path) -> None:
    """Returns once the names in a folder are on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
