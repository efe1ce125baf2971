"""What a process and its descendants hold: resident memory and bytes on disk."""

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path

import psutil

MEGABYTE = 1024 * 1024
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TELLS_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()
BLOCK_BYTES = 512  # of st_blocks, whatever the file system's own block is


def describe_exit(code: int) -> str:
    """`code`: as subprocess counts, negative for a signal."""
    return f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def tree_of(pid: int) -> list[int]:
    """The process and all below it."""
    if TELLS_CHILDREN:
        return [pid, *(deeper for child in _children(pid) for deeper in tree_of(child))]
    with contextlib.suppress(psutil.Error):  # all processes have to be asked for their parents
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return [pid]


def _children(pid: int) -> list[int]:
    """The children of each thread, as Linux lists them."""
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/task") as threads:
        return [int(child) for thread in threads for child in _children_of_thread(Path(thread))]
    return []


def _children_of_thread(thread: Path) -> list[bytes]:
    with contextlib.suppress(OSError):
        return (thread / "children").read_bytes().split()
    return []


def processes_with(variable: str, value: str) -> list[psutil.Process]:
    """Processes of this user whose environment holds the mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(variable) == value:
                found.append(process)
    return found


def resident_megabytes(pids: Iterable[int]) -> float:
    return sum(map(_resident_bytes, pids)) / MEGABYTE


def _resident_bytes(pid: int) -> int:
    """0 when it is gone."""
    try:
        if not TELLS_CHILDREN:
            return int(psutil.Process(pid).memory_info().rss)
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * PAGE_BYTES
    except (OSError, psutil.Error):
        return 0


def peak_megabytes(pid: int) -> float:
    """The process's own peak where the system keeps it (Linux), else what it holds now; 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    with contextlib.suppress(psutil.Error):
        return float(psutil.Process(pid).memory_info().rss) / MEGABYTE
    return 0.0


def folder_megabytes(folder: Path | str) -> float:
    return _folder_bytes(folder) / MEGABYTE


def _folder_bytes(folder: Path | str) -> int:
    total = 0
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:  # files come and go meanwhile
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                if entry.is_dir(follow_symlinks=False):
                    total += _folder_bytes(entry.path)
                else:
                    total += BLOCK_BYTES * entry.stat(follow_symlinks=False).st_blocks
    return total
