"""Python processes that answer over a channel: how they are started, tied to their parent, and ended."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence

from rollcall.runtime.confined import confinement
from rollcall.runtime.confined.channel import Channel

END_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


class Child:
    """A module of this code base, run as a process; its standard input is the other end of `channel`."""

    def __init__(self, module: str, arguments: Sequence[str], *, quiet: bool, lone_thread: bool = False) -> None:
        """`lone_thread`: numpy starts no threads beside the first."""
        confinement.hide_from_children()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(os.getpid()), *arguments],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL if quiet else None,
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LANG": "C.UTF-8"}
                | ({"OPENBLAS_NUM_THREADS": "1"} if lone_thread else {}),
            )
        self.channel = Channel(ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self) -> int | None:
        """The end of a process that closed its channel: its exit code, or a signal's number below zero."""
        try:
            return self._process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self.channel.close()


def tie_to_parent(parent: int) -> None:
    """Ends the child that calls it when the parent ends. The channel's end does so too, once the child reads."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides


def parent_channel() -> Channel:
    return Channel(socket.socket(fileno=0))
