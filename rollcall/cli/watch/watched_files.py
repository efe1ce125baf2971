"""Which files of a watched folder are meant for upload, and when each of them has settled."""

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rollcall.cli.watch.open_elsewhere import open_for_writing
from rollcall.contracts.object_keys import MAX_INPUT_KEY_BYTES
from rollcall.media.folders import LeftOut, reason_of
from rollcall.media.media_files import MEDIA_SUFFIXES, upload_key

QUIET_SECONDS = 3.0  # where it is sure that nobody has the file open for writing
UNSURE_SECONDS = 10.0  # where that cannot be known, as on network file systems
_ENDINGS = tuple(MEDIA_SUFFIXES)
# of NAS systems and desktops: thumbnails and what was thrown away
_SYSTEM_FOLDERS = frozenset(
    {"@eadir", "@recycle", "#recycle", "#snapshot", "$recycle.bin", "lost+found", "system volume information"}
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was at one look. Whoever writes to it, or puts another in its place, changes this."""

    size: int
    modified: int  # nanoseconds
    changed: int  # nanoseconds: of its name, owner and permissions as well
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Seen":
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass(frozen=True, slots=True)
class WatchedFile:
    path: Path
    key: str
    seen: Seen


def watched_files(root: Path, *, leave_out: Path | None = None) -> Iterator[WatchedFile | LeftOut]:
    """Every file below `root` that is named as a video or photo; the folder `leave_out` is not entered.

    Hidden and temporary names and the folders of NAS systems are passed over. Links to files inside `root` count as
    files; links out of it and links to folders do not.
    """
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if folder == root or not isinstance(error, FileNotFoundError):
                yield LeftOut(path=folder, reason=reason_of(error), failed=True)
            continue
        for entry in entries:
            if entry.name.startswith((".", "~")):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name.lower() not in _SYSTEM_FOLDERS and not _is(entry, leave_out):
                        folders.append(Path(entry.path))
                elif entry.name.lower().endswith(_ENDINGS):
                    yield from _look(root, entry)
            except FileNotFoundError:  # it is gone already, or a link to nothing
                continue
            except OSError as error:
                yield LeftOut(path=Path(entry.path), reason=reason_of(error), failed=True)


def _is(entry: "os.DirEntry[str]", folder: Path | None) -> bool:
    return folder is not None and os.path.realpath(entry.path) == os.path.realpath(folder)


def _look(root: Path, entry: "os.DirEntry[str]") -> Iterator[WatchedFile | LeftOut]:
    path = Path(entry.path)
    if entry.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        yield LeftOut(path=path, reason="a link that leads out of the watched folder is not followed")
        return
    status = entry.stat()
    if not stat.S_ISREG(status.st_mode):
        return
    key = upload_key(path.relative_to(root))
    if len(key.encode()) > MAX_INPUT_KEY_BYTES:
        yield LeftOut(path=path, reason="the path is too long for an object key; move or rename the file", failed=True)
    else:
        yield WatchedFile(path, key, Seen.of(status))


class Settling:
    """Knows of each new or changed file since when it is as it is.

    A file has settled once nothing changed for some seconds and no program of this machine has it open for writing.
    One that is old, or that was renamed after the last writing, and that nobody has open for sure, has settled at once.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._now = now
        self._since: dict[str, tuple[Seen, float]] = {}

    def settled(self, file: WatchedFile) -> bool:
        """Call it at each look. Raises OSError for a file that cannot be opened."""
        seen, since = self._since.get(file.key, (None, 0.0))
        if seen != file.seen:
            since = self._clock()
            self._since[file.key] = file.seen, since
        if file.seen.size == 0:  # a copy that is about to begin
            return False
        written = _open_for_writing(file.path)
        quiet = self._clock() - since
        whole = self._is_whole(file.seen) or quiet >= QUIET_SECONDS
        if written or not (whole if written is False else quiet >= UNSURE_SECONDS):
            return False
        self._since.pop(file.key, None)
        return True

    def forget(self, gone: Callable[[str], bool]) -> None:
        for key in [key for key in self._since if gone(key)]:
            del self._since[key]

    def _is_whole(self, seen: Seen) -> bool:
        """Nothing was written lately, or something was done to the name or permissions after the last writing."""
        return seen.changed > seen.modified or self._now() - seen.modified / 1e9 >= UNSURE_SECONDS


def _open_for_writing(path: Path) -> bool | None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return open_for_writing(descriptor, os.fstat(descriptor).st_dev)
    finally:
        with suppress(OSError):
            os.close(descriptor)
