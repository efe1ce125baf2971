"""What a process and its descendants hold: resident memory and bytes on disk."""

import contextlib
import os
import signal
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

MEGABYTE = 1024 * 1024
BLOCK_BYTES = 512  # of st_blocks, whatever the file system's own block is


def describe_exit(code: int) -> str:
    """`code`: as subprocess counts, negative for a signal."""
    return f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def children_by_parent() -> Mapping[int, list[psutil.Process]]:
    """One pass over the machine's processes, for any number of trees."""
    children: defaultdict[int, list[psutil.Process]] = defaultdict(list)
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            children[process.ppid()].append(process)
    return children


def descendants(pid: int, children: Mapping[int, list[psutil.Process]]) -> list[psutil.Process]:
    direct = children.get(pid, [])
    return direct + [deeper for child in direct for deeper in descendants(child.pid, children)]


def processes_with(variable: str, value: str) -> list[psutil.Process]:
    """Processes of this user whose environment holds the mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(variable) == value:
                found.append(process)
    return found


def resident_megabytes(processes: Iterable[psutil.Process]) -> float:
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total / MEGABYTE


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
