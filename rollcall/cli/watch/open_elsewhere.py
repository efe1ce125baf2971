"""Whether another program of this machine still has a file open for writing."""

import errno
import fcntl
import os
import signal
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

# network file systems refuse leases for reasons of their own
_LOCAL = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "tmpfs", "overlay"})
_MOUNTS = Path("/proc/self/mountinfo")


def open_for_writing(descriptor: int, device: int) -> bool | None:
    """Linux grants a lease to read on a file that nobody has open for writing. None: it cannot be told.

    `descriptor` is open for reading, and `device` is the file's.
    """
    if _file_systems().get(device) not in _LOCAL:
        return None
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)  # ignored: whoever opens it meanwhile only waits
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None  # such as for files of other users
    with suppress(OSError):
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


@lru_cache(maxsize=1)
def _file_systems() -> dict[int, str]:
    """Their kinds by device; empty where there is no Linux."""
    found = {}
    with suppress(OSError, ValueError, IndexError):
        for line in _MOUNTS.read_text(errors="replace").splitlines():
            left, _, right = line.partition(" - ")
            major, _, minor = left.split()[2].partition(":")
            found[os.makedev(int(major), int(minor))] = right.split()[0]
    return found
