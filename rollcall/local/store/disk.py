"""Having the disk keep what was written."""

import fcntl
import os

_FULL_SYNC = getattr(fcntl, "F_FULLFSYNC", None)  # macOS, where a plain sync stops at the disk's own memory


def sync(descriptor: int) -> None:
    """Returns once the content of an open file is on the disk. Raises OSError."""
    if _FULL_SYNC is None:
        os.fdatasync(descriptor)
    else:
        fcntl.fcntl(descriptor, _FULL_SYNC)
