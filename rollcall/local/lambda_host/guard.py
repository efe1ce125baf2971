"""A small process that ends everything the host started if the host itself is killed.

It is a plain script on the standard library alone, in a session of its own. It reads process groups and folders line by
line. When its input ends, because the host ended, it kills the groups and removes the folders.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

WATCH, FORGET, FOLDER = "watch", "forget", "folder"


class Guard:
    """The host's side of the guard process."""

    def __init__(self) -> None:
        self._lock = Lock()
        reader, writer = os.pipe()
        self._pipe = os.fdopen(writer, "w", buffering=1)
        with os.fdopen(reader) as stdin:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__], stdin=stdin, stdout=subprocess.DEVNULL, start_new_session=True
            )

    def watch(self, group: int) -> None:
        self._tell(WATCH, str(group))

    def forget(self, group: int) -> None:
        self._tell(FORGET, str(group))

    def remove_at_end(self, folder: Path) -> None:
        self._tell(FOLDER, str(folder))

    def close(self) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._pipe.close()
        self._process.wait()

    def _tell(self, verb: str, what: str) -> None:
        # somebody who kills the guard takes this protection away, and nothing else
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._pipe.write(f"{verb} {what}\n")


def stand_guard(lines: Iterable[str]) -> None:
    groups: set[int] = set()
    folders: list[str] = []
    for line in lines:
        verb, _, what = line.rstrip("\n").partition(" ")
        if verb == WATCH:
            groups.add(int(what))
        elif verb == FORGET:
            groups.discard(int(what))
        elif verb == FOLDER:
            folders.append(what)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    for folder in folders:
        _kill_those_at_home_in(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _kill_those_at_home_in(folder: str) -> None:
    """Children of workers in sessions of their own (Linux; elsewhere they end when nobody reads what they write)."""
    mark = f"HOME={folder}/".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # gone meanwhile, or somebody else's
            if any(entry.startswith(mark) for entry in environment.read_bytes().split(b"\0")):
                os.kill(int(environment.parent.name), signal.SIGKILL)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stand_guard(sys.stdin)
