"""Runs in the child before ffmpeg does: sets limits that ffmpeg cannot lift, then becomes ffmpeg.

`ffmpeg.py` starts it as a script with `python -I -S`, because code between fork and exec in a process with threads may
deadlock. It has few imports, of the standard library alone: each start of ffmpeg waits for them.
"""

# ruff: noqa: PTH120 - no pathlib
import ctypes
import os
import resource
import sys

# `signal` takes a third of the start to import
from _signal import (  # type: ignore[import-not-found]
    SIG_BLOCK,
    SIGHUP,
    SIGINT,
    SIGKILL,
    SIGQUIT,
    SIGTERM,
    pthread_sigmask,
)

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__)))))

from rollcall.runtime.confined.confinement import LAUNCHED, NOT_STARTED, become

PR_SET_PDEATHSIG = 1
OPEN_FILES = 64


def main(arguments: list[str]) -> None:
    """Five numbers (see `ffmpeg.py`), the files that may be read, and the command."""
    parent, cpu_seconds, memory, port, files = map(int, arguments[:5])
    rest = arguments[5:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # died before the line above could tie this process to it
        os._exit(NOT_STARTED)
    for limit, most in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),  # pipes only: not one byte to a disk
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    # ffmpeg would end early and in good order, and what it gave would pass for the whole; its parent kills it instead
    pthread_sigmask(SIG_BLOCK, (SIGHUP, SIGINT, SIGQUIT, SIGTERM))
    os.write(2, LAUNCHED + b"\n")  # what goes wrong before is not the file's fault
    become(rest[files:], read=rest[:files], connect_port=port or None)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (OSError, MemoryError) as error:
        print(f"[fatal] ffmpeg could not be started: {error}", file=sys.stderr)
        os._exit(NOT_STARTED)
